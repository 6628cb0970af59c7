import type { Preset } from './preset.ts'

const CLI = 'https://docs.fortinet.com/document/fortigate/7.0.0/cli-reference/370620'
const PHASE1 =
  'https://docs.fortinet.com/document/fortigate/7.2.4/administration-guide/790613/phase-1-configuration'

export const fortigate: Preset = {
  name: 'fortigate',
  title: 'Fortinet FortiGate (FortiOS 7)',
  values: [
    {
      key: 'phase1.propose',
      value: ['aes256-sha256-group14', 'aes128-sha256-group14'],
      why: 'the SHA-256 half of the default proposal; dhgrp is 14 and 5',
      source: CLI,
    },
    { key: 'phase1.lifetime', value: '1d', why: 'the default keylife, 86,400 s', source: CLI },
    {
      key: 'phase2.propose',
      value: ['aes256gcm16', 'aes128gcm16', 'aes256-sha256', 'aes128-sha256'],
      why: 'all of them stand in the default proposal',
      source: CLI,
    },
    {
      key: 'phase2.pfs',
      value: 'group14',
      why: 'on by default, with groups 14 and 5',
      source: CLI,
    },
    {
      key: 'phase2.lifetime',
      value: '12h',
      why: 'the default keylifeseconds, 43,200 s',
      source: CLI,
    },
    {
      key: 'networks',
      value: 'any',
      why: 'the selectors of a phase 2 are 0.0.0.0/0 unless written',
      source: CLI,
    },
    { key: 'dead-peer.probe-every', value: '20s', why: 'dpd-retryinterval', source: CLI },
    {
      key: 'dead-peer.give-up-after',
      value: '1m',
      why: 'three times dpd-retryinterval',
      source: CLI,
    },
  ],
  confirm: [
    'src-subnet and dst-subnet of each phase 2: where they are set, list the same pairs mirrored under networks',
  ],
  habits: [
    {
      text: 'auto-negotiate and keepalive are off: it lets an idle tunnel expire, so our side keeps it up.',
      source: CLI,
    },
    {
      text: 'Several Main mode tunnels for callers without an address cannot be told apart on one interface.',
      source: PHASE1,
    },
  ],
}
