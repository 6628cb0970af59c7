import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { allocateMemory, program } from './native.ts'
import { notifySystemd } from './systemd.ts'

describe('notifications to systemd', () => {
  it('arrive as one datagram, at a path and at an abstract address', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cwp-systemd-'))
    try {
      for (const path of [join(folder, 'notify'), `@cwp-notify-${process.pid}`]) {
        const manager = listen(path)
        try {
          assert.equal(notifySystemd(['READY=1', 'STATUS=2 tunnels up'], path), true)
          assert.equal(manager.next(), 'READY=1\nSTATUS=2 tunnels up')
          assert.equal(notifySystemd(['RELOADING=1'], path), true)
          assert.match(manager.next(), /^RELOADING=1\nMONOTONIC_USEC=\d+$/)
        } finally {
          manager.close()
        }
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('go nowhere without a manager', () => {
    assert.equal(notifySystemd(['READY=1'], ''), false)
  })

  it('say which socket is missing', () => {
    assert.throws(() => notifySystemd(['READY=1'], '/nonexistent/notify'), /ENOENT/)
  })
})

/** A datagram socket of AF_UNIX, which Node itself does not have. */
function listen(path: string): { next(): string; close(): void } {
  const socket = program.func('int socket(int domain, int type, int protocol)')
  const bind = program.func('int bind(int fd, uint64_t address, unsigned int octets)')
  const recv = program.func('long recv(int fd, uint64_t data, size_t octets, int flags)')
  const close = program.func('int close(int fd)')
  const fd: number = socket(1, 2, 0)
  const memory = allocateMemory(1024)
  memory.view.setUint16(0, 1, true)
  memory.octets.set(new TextEncoder().encode(path), 2)
  if (path.startsWith('@')) memory.octets[2] = 0
  assert.equal(bind(fd, memory.address, 2 + path.length), 0)
  const MSG_DONTWAIT = 0x40
  return {
    next: () => {
      const octets: number = recv(fd, memory.address, 1024, MSG_DONTWAIT)
      assert.ok(octets > 0)
      return new TextDecoder().decode(memory.octets.slice(0, octets))
    },
    close: () => close(fd),
  }
}
