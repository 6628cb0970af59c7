import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { test } from 'node:test'
import { ownerText, socketRows, udpPortOwners } from './port-owner.ts'

test('reads port and inode of each row of /proc/net/udp', () => {
  const table = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  517: 0A0071CB:01F4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 48213 2 00000000 0
`
  assert.deepEqual(socketRows(table), [{ port: 500, inode: '48213' }])
  assert.deepEqual(socketRows(''), [])
})

test('finds the process that has a port, and nobody once it is closed', async () => {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  const [owner] = udpPortOwners([port])
  assert.equal(owner?.pid, process.pid)
  socket.close()
  await once(socket, 'close')
  assert.deepEqual(udpPortOwners([port]), [])
})

test('says who has the port, as far as it may know', () => {
  assert.equal(
    ownerText({ port: 500, pid: 812, program: 'charon' }),
    'UDP 500 is taken by charon (pid 812)',
  )
  assert.equal(ownerText({ port: 4500 }), 'UDP 4500 is taken by another process')
})
