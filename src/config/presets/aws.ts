import type { Preset } from './preset.ts'

const TUNNELS = 'https://docs.aws.amazon.com/vpn/latest/s2svpn/VPNTunnels.html'
const OPTIONS =
  'https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpnTunnelOptionsSpecification.html'
const YOUR_CGW =
  'https://github.com/awsdocs/aws-site-to-site-vpn-user-guide (doc_source/your-cgw.md)'

export const aws: Preset = {
  name: 'aws',
  title: 'AWS Site-to-Site VPN',
  values: [
    {
      key: 'phase1.propose',
      value: ['aes256-sha384-group20'],
      why: 'the strongest of what AWS accepts by default; exactly one, because AWS goes by its own order whatever ours is',
      source: OPTIONS,
    },
    {
      key: 'phase1.lifetime',
      value: '8h',
      why: 'the default, and the most AWS takes',
      source: OPTIONS,
    },
    {
      key: 'phase2.propose',
      value: ['aes256gcm16'],
      why: 'accepted by default; one only, as in phase 1',
      source: OPTIONS,
    },
    {
      key: 'phase2.pfs',
      value: 'group20',
      why: 'PFS is required; groups 2, 5 and 14 to 24 are accepted',
      source: OPTIONS,
    },
    { key: 'phase2.lifetime', value: '1h', why: 'the default', source: OPTIONS },
    {
      key: 'networks',
      value: 'any',
      why: 'one SA pair a tunnel; more than one makes AWS drop the earlier. What goes in is said by interface.routes',
      source: YOUR_CGW,
    },
    {
      key: 'start',
      value: 'always',
      why: 'AWS waits to be asked: its startup action is add unless changed',
      source: TUNNELS,
    },
    {
      key: 'dead-peer.probe-every',
      value: '10s',
      why: 'the interval of the configuration AWS hands out',
      source: YOUR_CGW,
    },
    {
      key: 'dead-peer.give-up-after',
      value: '30s',
      why: 'three probes, as AWS hands out',
      source: YOUR_CGW,
    },
    {
      key: 'interface.mtu',
      value: 1399,
      why: 'AWS neither discovers the path MTU nor puts fragments of ESP together',
      source: YOUR_CGW,
    },
  ],
  confirm: [
    'whether the tunnel options in AWS were narrowed: then write the phase1 and phase2 that stand there',
    'the outside address of each of the two tunnels; a connection has two, and both should be configured',
  ],
  habits: [
    {
      text: 'A key has 8 to 64 letters, digits, "." and "_", and does not begin with 0.',
      source: TUNNELS,
    },
    {
      text: 'IKEv1 in Main mode only; certificates only from AWS Private CA.',
      source: TUNNELS,
    },
    {
      text: 'Tunnels are taken down one at a time for maintenance.',
      source: TUNNELS,
    },
  ],
}
