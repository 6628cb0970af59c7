import { testMatrix } from '../support/algorithm-matrix.ts'

const ENCRYPTION = ['aes128', 'aes256', '3des']
const HASH = ['sha1', 'sha256', 'sha384', 'sha512']
const GROUP = ['modp1024', 'modp2048', 'modp3072', 'modp4096', 'ecp256', 'ecp384']

testMatrix(
  'Main mode with strongSwan: every encryption, hash and group, both roles',
  ENCRYPTION.flatMap((encryption) =>
    HASH.flatMap((hash) =>
      GROUP.map((group) => ({
        phase1: `${encryption}-${hash}-${group}`,
        esp: 'aes128gcm16',
        pfs: 'none',
      })),
    ),
  ),
)
