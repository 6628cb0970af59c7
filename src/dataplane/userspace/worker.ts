import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { messageOf } from '#bytes/thrown'
import { EventFd } from '#platform/eventfd'
import { opensslTransformFactory } from '#platform/openssl'
import { Events } from './events.ts'
import { InboundLoop } from './inbound-loop.ts'
import type { FromWorker, ToWorker, WorkerData } from './messages.ts'
import { nodeTransformFactory } from './node-transform.ts'
import { PacketLoop } from './packet-loop.ts'
import { PacketMemory } from './packet-memory.ts'

/** A thread of the data plane. It turns no event loop: it waits in epoll_wait(), and the main thread wakes it by an eventfd. */
if (parentPort === null) throw new Error('this file is the data plane’s worker thread')
work(parentPort, workerData as WorkerData)

function work(port: MessagePort, { role, share, wakeFd, globalCounters }: WorkerData): void {
  const post = (message: FromWorker): void => port.postMessage(message)
  const events = new Events(post, new Float64Array(globalCounters))
  const memory = new PacketMemory()
  const speaksForAll = role !== 'inbound' && share.index === 0
  if (!memory.fastWork && speaksForAll) {
    events.notice('this Node has no WebAssembly; checksums and copies take several times longer')
  }
  const fast = opensslTransformFactory(memory.arena)
  if (fast === undefined && speaksForAll) {
    events.warn(
      'the OpenSSL inside this Node cannot be reached; packets go through node:crypto, several times slower',
    )
  }
  const parts = {
    memory,
    factory: fast ?? nodeTransformFactory(memory.arena),
    events,
    wake: new EventFd(wakeFd),
    takeMessage: () => receiveMessageOnPort(port)?.message as ToWorker | undefined,
    post,
    clock: monotonicClock(),
  }
  const loop =
    role === 'inbound'
      ? new InboundLoop(parts)
      : new PacketLoop({ ...parts, share, outboundOnly: role === 'outbound' })
  try {
    loop.run()
  } catch (error) {
    events.emit({
      kind: 'failed',
      message: `the packet thread stopped: ${messageOf(error)}`,
    })
  }
  post({ kind: 'closed' })
  port.close()
}

/** The system's monotonic clock, as the main thread reads it: `performance.now()` begins anew in each thread. */
function monotonicClock(): () => number {
  const offset = Number(process.hrtime.bigint()) / 1e6 - performance.now()
  return () => performance.now() + offset
}
