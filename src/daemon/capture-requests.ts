import { messageOf } from '#bytes/thrown'
import type { Request, Results } from '#control/schema'
import { RequestRefused } from '#control/server'
import type { Log } from './log.ts'
import type { Recorder } from './recorder.ts'

type CaptureRequest = Extract<Request, { command: 'datagrams' | 'keys' }>

/** Answers what `causeway capture` asks. @throws RequestRefused when keys are to go into a folder that is not this user's alone */
export function captureAnswer(
  request: CaptureRequest,
  recorder: Recorder,
  tunnels: readonly string[],
  log: Log,
): Results['datagrams' | 'keys'] {
  if (request.command === 'datagrams') return { datagrams: recorder.datagrams(tunnels) }
  const { folder } = request
  const whose = tunnels.join(', ')
  try {
    const written = recorder.writeKeys(tunnels, folder)
    if (written.added > 0)
      log.note(
        'warn',
        `causeway capture --decrypt: keys of ${whose} were written to ${folder}; whoever reads them reads the traffic`,
      )
    return written
  } catch (error) {
    const reason = messageOf(error)
    log.note('warn', `keys of ${whose} were asked for and refused: ${reason}`)
    throw new RequestRefused('not-permitted', `no keys were written: ${reason}`)
  }
}
