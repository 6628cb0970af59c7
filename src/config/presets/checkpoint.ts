import type { Preset } from './preset.ts'

const CHECK_POINT =
  'https://sc1.checkpoint.com/documents/R81/WebAdminGuides/EN/CP_R81_SitetoSiteVPN_AdminGuide/Topics-VPNSG/Appendix.htm'

const CHECK_POINT_THIRD_PARTY = 'https://support.checkpoint.com/results/sk/sk108600'

export const checkpoint: Preset = {
  name: 'checkpoint',
  title: 'Check Point',
  values: [
    {
      key: 'dead-peer.probe-every',
      value: '10s',
      why: 'four within the 40 s',
      source: CHECK_POINT,
    },
    {
      key: 'dead-peer.give-up-after',
      value: '40s',
      why: 'the default of life_sign_timeout',
      source: CHECK_POINT,
    },
  ],
  confirm: [
    'algorithms, lifetimes and PFS of the VPN community',
    'how it shares tunnels: "one tunnel per subnet pair" is right for a list under networks; otherwise it may ask for a supernet of its encryption domain',
    'which address it sends as identity: the main address of the gateway object may be an inside one (peer-id: {sends: ADDRESS})',
  ],
  habits: [
    {
      text: 'Dead peer detection with other makers has to be switched on there (tunnel_keepalive_method).',
      source: CHECK_POINT_THIRD_PARTY,
    },
  ],
}
