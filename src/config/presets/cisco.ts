import type { Preset } from './preset.ts'

const IOS_LIFETIME =
  'Cisco 7100 Series VPN Configuration Guide, Setting Global Lifetimes for IPSec Security Associations'
const IOS_POLICY = 'https://networkengineering.stackexchange.com/posts/6628/revisions'
const IOS_SAMPLES = 'https://github.com/Azure/Azure-vpn-config-samples (Cisco)'
const ASA_IKE =
  'https://www.cisco.com/c/en/us/td/docs/security/asa/asa917/configuration/vpn/asa-917-vpn-config/vpn-ike.html'
const ASA_LIFETIMES =
  'Cisco ASA 5500 Series Configuration Guide, Changing IPSec SA Lifetimes: https://www.manualslib.com/manual/1377311/Cisco-Firepower-Asa-5500-Series.html?page=524'
const ASA_SAMPLES = 'https://github.com/ibm-cloud-docs (VPC, cisco-asav-config)'
const TRUNCATION =
  'https://github.com/libreswan/libreswan/blob/main/configs/d.ipsec.conf/conn/sha2-truncbug.xml'

export const ciscoIos: Preset = {
  name: 'cisco-ios',
  title: 'Cisco IOS and IOS-XE',
  values: [
    {
      key: 'phase1.lifetime',
      value: '1d',
      why: 'the default of crypto isakmp policy, 86,400 s',
      source: IOS_POLICY,
    },
    {
      key: 'phase2.lifetime',
      value: '1h',
      why: 'the default of crypto ipsec security-association lifetime, 3,600 s',
      source: IOS_LIFETIME,
    },
    {
      key: 'phase2.volume',
      value: '4608000KB',
      why: 'the default beside the time, which IOS sends along',
      source: IOS_LIFETIME,
    },
  ],
  confirm: [
    'the algorithms: nothing is a default worth having (show crypto isakmp policy: AES-128, SHA-1, group 5)',
    'set pfs: off unless it stands in the crypto map or IPsec profile (then write phase2.pfs; else pfs none)',
    'crypto map (then networks is the access list mirrored, a pair for each line) or tunnel interface (then networks: any)',
  ],
  habits: [
    {
      text: 'Dead peer detection is off unless crypto isakmp keepalive is set; ours works all the same.',
      source: IOS_SAMPLES,
    },
    {
      text: 'crypto isakmp identity holds for all its peers: with hostname it sends a name, and here peer-id: {sends: NAME} is needed.',
      source: IOS_SAMPLES,
    },
    {
      text: 'Some old releases cut HMAC-SHA-256 of ESP to 96 bits: IKE is up and every packet is dropped.',
      source: TRUNCATION,
    },
  ],
}

export const ciscoAsa: Preset = {
  name: 'cisco-asa',
  title: 'Cisco ASA',
  values: [
    {
      key: 'phase1.lifetime',
      value: '1d',
      why: 'the default of crypto ikev1 policy, 86,400 s',
      source: ASA_IKE,
    },
    {
      key: 'phase2.lifetime',
      value: '8h',
      why: 'the default of crypto ipsec security-association lifetime, 28,800 s',
      source: ASA_LIFETIMES,
    },
    {
      key: 'phase2.volume',
      value: '4608000KB',
      why: 'the default beside the time; guides of clouds set unlimited',
      source: ASA_LIFETIMES,
    },
  ],
  confirm: [
    'the algorithms of crypto ikev1 policy and of the transform set',
    'set pfs of the crypto map: off unless it stands there (then write phase2.pfs; else pfs none)',
    'the access list of the crypto map: networks is that list mirrored, a pair for each line',
  ],
  habits: [
    {
      text: 'crypto isakmp identity holds for all its peers: with hostname it sends a name, and here peer-id: {sends: NAME} is needed.',
      source: ASA_SAMPLES,
    },
    {
      text: 'Each line of the access list is a Child SA of its own; its NAT exemption must name the same networks.',
      source: ASA_SAMPLES,
    },
  ],
}
