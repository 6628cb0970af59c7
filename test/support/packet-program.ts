// packet-program.ts DEVICE-INDEX MAC: sends each IP packet that it reads, a line of hexadecimal digits, to that Ethernet address, as it is.
import { createInterface } from 'node:readline'
import { checked } from '#platform/errno'
import { allocateMemory, program } from '#platform/native'

const AF_PACKET = 17
const SOCK_DGRAM = 2
const socket: (domain: number, type: number, protocol: number) => number = program.func(
  'int socket(int domain, int type, int protocol)',
)
const sendto: (
  fd: number,
  buffer: number,
  octets: number,
  flags: number,
  address: number,
  addressOctets: number,
) => number = program.func(
  'long sendto(int fd, uint64_t buffer, size_t octets, int flags, uint64_t address, unsigned int addressOctets)',
)

const [index = '', mac = ''] = process.argv.slice(2)
const fd = checked('socket', socket(AF_PACKET, SOCK_DGRAM, 0), 'packets')
// `struct sockaddr_ll`: family 0, protocol 2, interface 4, length of the address 11, address 12.
const destination = allocateMemory(20)
destination.view.setUint16(0, AF_PACKET, true)
destination.view.setInt32(4, Number(index), true)
destination.view.setUint8(11, 6)
destination.octets.set(Buffer.from(mac.replaceAll(':', ''), 'hex'), 12)
const packet = allocateMemory(65_536)
for await (const line of createInterface({ input: process.stdin })) {
  const octets = Buffer.from(line, 'hex')
  packet.octets.set(octets)
  destination.view.setUint16(2, (octets[0] ?? 0) >>> 4 === 4 ? 0x0800 : 0x86dd)
  checked('sendto', sendto(fd, packet.address, octets.length, 0, destination.address, 20), line)
}
