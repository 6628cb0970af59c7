import { testMatrix } from '../support/algorithm-matrix.ts'

const ESP = ['aes128gcm16', 'aes256gcm16', 'aes256-sha256']
const PFS = ['none', 'modp2048', 'ecp256']

testMatrix(
  'Quick mode with strongSwan: every ESP suite with and without PFS, both roles',
  ESP.flatMap((esp) => PFS.map((pfs) => ({ phase1: 'aes128-sha256-modp2048', esp, pfs }))),
)
