import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { errnoName, SystemError } from './errno.ts'

describe('system errors', () => {
  it('say the call, the subject, the cause and the kernel’s name', () => {
    const error = new SystemError('bind', 98, '192.0.2.1:500')
    assert.equal(error.name, 'EADDRINUSE')
    assert.equal(
      error.message,
      'bind 192.0.2.1:500: another process has this address and port (EADDRINUSE)',
    )
  })

  it('name numbers nobody knows by the number', () => {
    assert.equal(errnoName(4095), 'errno 4095')
    assert.match(new SystemError('read', 4095).message, /errno 4095/)
  })
})
