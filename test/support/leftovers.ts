import { messageOf } from '#bytes/thrown'

/**
 * What must be undone however the process ends: return, exception, `process.exit`, SIGINT, SIGTERM or SIGHUP. Undoing is
 * synchronous, because an `exit` handler cannot wait. The last registered goes first.
 */
const undoings = new Set<() => void>()
let watching = false

/** @returns a function that undoes now (once) and forgets. */
export function undoAtExit(undo: () => void): () => void {
  watch()
  undoings.add(undo)
  return () => {
    if (undoings.delete(undo)) undo()
  }
}

const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const

function watch(): void {
  if (watching) return
  watching = true
  process.on('exit', undoAll)
  for (const [signal, number] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      undoAll()
      process.exit(128 + number)
    })
  }
}

function undoAll(): void {
  for (const undo of [...undoings].reverse()) {
    undoings.delete(undo)
    try {
      undo()
    } catch (error) {
      process.stderr.write(`clean-up: ${messageOf(error)}\n`)
    }
  }
}
