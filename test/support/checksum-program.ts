// checksum-program.ts DEVICE...: from now on what leaves by these devices leaves as it would by a cable, each packet for itself and with its
// checksum. veth devices claim that hardware will see to both, and hand over packets that no wire has ever carried.
import { checked } from '#platform/errno'
import { allocateMemory, program, writePointer } from '#platform/native'

const AF_INET = 2
const SOCK_DGRAM = 2
const SIOCETHTOOL = 0x8946
/** `struct ethtool_value`: a command, and off. Without checksums there is no segmentation either. */
const ETHTOOL_STXCSUM = 0x17
const IFNAMSIZ = 16

const socket: (domain: number, type: number, protocol: number) => number = program.func(
  'int socket(int domain, int type, int protocol)',
)
const ioctl: (fd: number, request: number, argument: number) => number = program.func(
  'int ioctl(int fd, unsigned long request, uint64_t argument)',
)

const fd = checked('socket', socket(AF_INET, SOCK_DGRAM, 0), 'ethtool')
const value = allocateMemory(8)
value.view.setUint32(0, ETHTOOL_STXCSUM, true)
for (const device of process.argv.slice(2)) {
  const request = allocateMemory(40)
  request.octets.set(Buffer.from(device))
  writePointer(request.words, IFNAMSIZ, value.address)
  checked('ioctl', ioctl(fd, SIOCETHTOOL, request.address), device)
}
