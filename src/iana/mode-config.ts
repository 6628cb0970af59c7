import { type Registry, registry } from './registry.ts'

/*
 * Numbers of Mode Config (draft-dukes-ike-mode-cfg-02) and of XAUTH, which runs in its messages (draft-beaulieu-ike-xauth-02). Neither
 * became an RFC; Cisco's own attributes are those its VPN clients send.
 */

const attributeMessages = { REQUEST: 1, REPLY: 2, SET: 3, ACK: 4 } as const

/** The type of an Attribute payload. */
export const AttributeMessage: Registry<typeof attributeMessages> = registry(
  'AttributeMessage',
  attributeMessages,
)

const configAttributes = {
  INTERNAL_IP4_ADDRESS: 1,
  INTERNAL_IP4_NETMASK: 2,
  INTERNAL_IP4_DNS: 3,
  INTERNAL_IP4_NBNS: 4,
  INTERNAL_ADDRESS_EXPIRY: 5,
  INTERNAL_IP4_DHCP: 6,
  APPLICATION_VERSION: 7,
  INTERNAL_IP6_ADDRESS: 8,
  INTERNAL_IP6_NETMASK: 9,
  INTERNAL_IP6_DNS: 10,
  INTERNAL_IP6_NBNS: 11,
  INTERNAL_IP6_DHCP: 12,
  INTERNAL_IP4_SUBNET: 13,
  SUPPORTED_ATTRIBUTES: 14,
  INTERNAL_IP6_SUBNET: 15,
  XAUTH_TYPE: 16520,
  XAUTH_USER_NAME: 16521,
  XAUTH_USER_PASSWORD: 16522,
  XAUTH_PASSCODE: 16523,
  XAUTH_MESSAGE: 16524,
  XAUTH_CHALLENGE: 16525,
  XAUTH_DOMAIN: 16526,
  XAUTH_STATUS: 16527,
  XAUTH_NEXT_PIN: 16528,
  XAUTH_ANSWER: 16529,
  /** Private: Cisco. */
  UNITY_BANNER: 28672,
  UNITY_SAVE_PASSWD: 28673,
  UNITY_DEF_DOMAIN: 28674,
  UNITY_SPLITDNS_NAME: 28675,
  UNITY_SPLIT_INCLUDE: 28676,
  UNITY_NATT_PORT: 28677,
  UNITY_LOCAL_LAN: 28678,
  UNITY_PFS: 28679,
  UNITY_FW_TYPE: 28680,
  UNITY_BACKUP_SERVERS: 28681,
  UNITY_DDNS_HOSTNAME: 28682,
} as const

export const ConfigAttribute: Registry<typeof configAttributes> = registry(
  'ConfigAttribute',
  configAttributes,
)

const xauthTypes = { generic: 0, 'RADIUS-CHAP': 1, OTP: 2, 'S/KEY': 3 } as const

/** What XAUTH_TYPE may say; without it, generic is meant. */
export const XauthType: Registry<typeof xauthTypes> = registry('XauthType', xauthTypes)

const xauthStatuses = { FAIL: 0, OK: 1 } as const

export const XauthStatus: Registry<typeof xauthStatuses> = registry('XauthStatus', xauthStatuses)
