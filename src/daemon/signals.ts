const ENDING: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM']

// A launcher and the terminal may both hand us the same Ctrl-C.
const SAME_KEYPRESS = 400

/** @returns what stops listening. */
export function onSignal(signal: NodeJS.Signals, act: () => void): () => void {
  process.on(signal, act)
  return () => process.off(signal, act)
}

/**
 * Calls `act` for the first signal that asks us to end, or when a launcher that started us is gone. A second one ends the
 * process at once: what it leaves on the host, the next start removes.
 */
export function endingSignals(act: (why: string) => void): () => void {
  let first: number | undefined
  const take = (why: string) => {
    const now = performance.now()
    if (first === undefined) {
      first = now
      act(why)
    } else if (now - first > SAME_KEYPRESS) process.exit(130)
  }
  const unwatch = ENDING.map((signal) => onSignal(signal, () => take(signal)))
  const abandoned = () => take('launcher gone')
  if (process.connected === true) {
    process.once('disconnect', abandoned)
    process.channel?.unref()
  }
  return () => {
    for (const stop of unwatch) stop()
    process.off('disconnect', abandoned)
  }
}
