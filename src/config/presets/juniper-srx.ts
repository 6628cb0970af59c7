import type { Preset } from './preset.ts'

const DPD =
  'https://www.juniper.net/documentation/software/junos-es/junos-es93 (dead-peer-detection, interval, threshold)'
const HIERARCHY =
  'https://www.juniper.net/documentation/en_US/junos12.1x47 ([edit security ike] hierarchy level)'

export const juniperSrx: Preset = {
  name: 'juniper-srx',
  title: 'Juniper SRX',
  values: [
    {
      key: 'networks',
      value: 'any',
      why: 'a tunnel over st0 has the proxy identity 0.0.0.0/0 unless proxy-identity or traffic-selector says another',
      source: HIERARCHY,
    },
    {
      key: 'dead-peer.probe-every',
      value: '10s',
      why: 'the interval where dead-peer-detection is configured',
      source: DPD,
    },
    {
      key: 'dead-peer.give-up-after',
      value: '50s',
      why: 'its threshold: five probes unanswered',
      source: DPD,
    },
  ],
  confirm: [
    'algorithms, lifetimes and PFS: as configured there, or those of a proposal set',
    'proxy-identity or traffic-selector: then list the same pairs, mirrored, under networks',
  ],
  habits: [
    {
      text: 'Behind a NAT it sends its private address as identity: peer-id: {sends: ADDRESS}.',
      source: HIERARCHY,
    },
  ],
}
