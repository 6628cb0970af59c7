// Runs inside the hosts' namespaces: `transfer-program.ts receive ADDRESS PORT`, `transfer-program.ts send ADDRESS PORT OCTETS`. Each prints one
// line of JSON at its end; the receiver says `ready` first.
import { createHash, randomBytes } from 'node:crypto'
import { connect, createServer } from 'node:net'

export type TransferReport = {
  readonly octets: number
  /** SHA-256 of what was sent, or came. */
  readonly digest: string
  /** Of the receiver: from the first octet to the last. */
  readonly milliseconds: number
}

const [role, address = '', port = '0', octets = '0'] = process.argv.slice(2)
if (role === 'receive') receive()
else send(Number(octets))

function receive(): void {
  const hash = createHash('sha256')
  let count = 0
  let first = 0
  const server = createServer((socket) => {
    socket.on('data', (chunk: Buffer) => {
      if (count === 0) first = performance.now()
      count += chunk.length
      hash.update(chunk)
    })
    socket.on('end', () => {
      const milliseconds = performance.now() - first
      // Ends the connection only now: the sender takes that for the receipt.
      socket.end()
      server.close()
      report({ octets: count, digest: hash.digest('hex'), milliseconds })
    })
  })
  server.listen(Number(port), address, () => process.stdout.write('ready\n'))
}

function send(total: number): void {
  const hash = createHash('sha256')
  const block = randomBytes(64 * 1024)
  const started = performance.now()
  const socket = connect(Number(port), address, () => {
    let left = total
    const more = (): void => {
      while (left > 0) {
        const chunk = block.subarray(0, Math.min(left, block.length))
        left -= chunk.length
        hash.update(chunk)
        if (!socket.write(chunk)) {
          socket.once('drain', more)
          return
        }
      }
      socket.end()
    }
    more()
  })
  socket.resume()
  socket.on('end', () => {
    report({ octets: total, digest: hash.digest('hex'), milliseconds: performance.now() - started })
  })
}

function report(result: TransferReport): void {
  process.stdout.write(`${JSON.stringify(result)}\n`)
}
