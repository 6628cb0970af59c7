/** Configurations of other products in the way their own documentation writes them; the same link from both ends. */

export const SWANCTL_MOON = `connections {

   gw-gw {
      local_addrs  = 192.168.0.1
      remote_addrs = 192.168.0.2

      local {
         auth = psk
         id = moon.strongswan.org
      }
      remote {
         auth = psk
         id = sun.strongswan.org
      }
      children {
         net-net {
            local_ts  = 10.1.0.0/16
            remote_ts = 10.2.0.0/16

            start_action = trap
            updown = /usr/local/libexec/ipsec/_updown iptables
            rekey_time = 5400
            rekey_bytes = 500000000
            rekey_packets = 1000000
            esp_proposals = aes128-sha256-modp3072
         }
      }
      version = 1
      mobike = no
      reauth_time = 10800
      proposals = aes128-sha256-modp3072
   }
}

secrets {
   ike-1 {
      id-1 = moon.strongswan.org
      secret = 0x45a30759df97dc26a15b88ff
   }
   ike-2 {
      id-2 = sun.strongswan.org
      secret = "This is a strong password"
   }
   ike-3 {
      id-3a = moon.strongswan.org
      id-3b =sun.strongswan.org
      secret = 0sv+NkxY9LLZvwj4qCC2o/gGrWDF2d21jL
   }
}
`

export const SWANCTL_SUN: string = SWANCTL_MOON.replace('192.168.0.1', 'X')
  .replace('192.168.0.2', '192.168.0.1')
  .replace('X', '192.168.0.2')
  .replace('id = moon', 'id = Y')
  .replace('id = sun', 'id = moon')
  .replace('id = Y', 'id = sun')
  .replace('10.1.0.0/16', 'Z')
  .replace('10.2.0.0/16', '10.1.0.0/16')
  .replace('Z', '10.2.0.0/16')
  .replace('start_action = trap', 'start_action = none')

export const IPSEC_MOON = `# /etc/ipsec.conf - strongSwan IPsec configuration file

config setup

conn %default
	ikelifetime=60m
	keylife=20m
	rekeymargin=3m
	keyingtries=1
	keyexchange=ikev1
	authby=secret

conn net-net
	left=192.168.0.1
	leftsubnet=10.1.0.0/16
	leftid=@moon.strongswan.org
	leftfirewall=yes
	right=192.168.0.2
	rightsubnet=10.2.0.0/16
	rightid=@sun.strongswan.org
	auto=start
`

export const IPSEC_SUN: string = IPSEC_MOON.replace(
  /conn net-net[\s\S]*/,
  `conn net-net
	left=192.168.0.2
	leftsubnet=10.2.0.0/16
	leftid=@sun.strongswan.org
	leftfirewall=yes
	right=192.168.0.1
	rightsubnet=10.1.0.0/16
	rightid=@moon.strongswan.org
	auto=add
`,
)

export const IPSEC_SECRETS = `# /etc/ipsec.secrets - strongSwan IPsec secrets file

192.168.0.1 192.168.0.77 : PSK "of another peer altogether, and long"
@moon.strongswan.org @sun.strongswan.org : PSK 0sv+NkxY9LLZvwj4qCC2o/gGrWDF2d21jL
`

/** host2host-transport, with dpd-clear and one port as in protoport-dual. */
export const IPSEC_TRANSPORT = `conn %default
	keyexchange=ikev1
	authby=secret

conn host-host
	also=ends
	type=transport
	ike=aes128-sha256-modp2048!
	esp=aes128gcm16!
	leftprotoport=tcp
	rightprotoport=tcp/ssh
	dpdaction=clear
	dpddelay=10
	dpdtimeout=30
	auto=route

conn ends
	left=192.168.0.1
	right=192.168.0.77
`

export const IPSEC_CERT = `conn net-net
	keyexchange=ikev1
	left=192.168.0.1
	leftcert=moonCert.pem
	leftid=@moon.strongswan.org
	leftsubnet=10.1.0.0/16
	right=192.168.0.2
	rightid="C=CH, O=strongSwan Project, CN=sun.strongswan.org"
	rightca="C=CH, O=strongSwan Project, CN=strongSwan Root CA"
	rightsubnet=10.2.0.0/16
	auto=add
`

export const LIBRESWAN = `config setup
	logfile=/var/log/pluto.log
	protostack=netkey
	ikev1-policy=accept

conn paris
	ikev2=no
	authby=secret
	left=%defaultroute
	leftid=203.0.113.10
	leftsubnets={10.1.0.0/16 10.5.0.0/16}
	right=198.51.100.7
	rightsubnet=10.2.0.0/16
	ike=aes256-sha2_256;modp2048
	phase2alg=aes_gcm256-null,aes256-sha2_256
	salifetime=1h
	ikelifetime=8h
	dpddelay=30
	dpdtimeout=120
	dpdaction=restart
	encapsulation=yes
	auto=ondemand

conn modern
	left=%defaultroute
	right=198.51.100.8
	authby=secret
`

export const CISCO_IOS = `version 15.4
hostname R1
!
crypto isakmp policy 10
 encr aes 256
 hash sha256
 authentication pre-share
 group 14
 lifetime 28800
crypto isakmp policy 20
 encr des
 authentication pre-share
crypto isakmp key SuperSecretKey12345678 address 198.51.100.7
crypto isakmp key 6 AB[hTZ address 198.51.100.9 255.255.255.255
crypto isakmp keepalive 10 3 periodic
!
crypto ipsec transform-set TS esp-aes 256 esp-sha256-hmac
 mode tunnel
!
crypto ipsec profile VTI
 set transform-set TS
 set pfs group14
!
crypto map CMAP 10 ipsec-isakmp
 description Paris office
 set peer 198.51.100.7
 set transform-set TS
 set pfs group14
 match address VPN-PARIS
crypto map CMAP 20 ipsec-isakmp dynamic DYN
!
interface GigabitEthernet0/0
 description WAN
 ip address 203.0.113.10 255.255.255.0
 crypto map CMAP
interface Tunnel1
 description Lyon
 ip address 169.254.10.1 255.255.255.252
 ip mtu 1400
 ip tcp adjust-mss 1360
 tunnel source GigabitEthernet0/0
 tunnel destination 198.51.100.9
 tunnel mode ipsec ipv4
 tunnel protection ipsec profile VTI
!
ip route 10.8.0.0 255.252.0.0 Tunnel1
ip access-list extended VPN-PARIS
 permit ip 10.1.0.0 0.0.255.255 10.2.0.0 0.0.255.255
 permit tcp 10.1.0.0 0.0.255.255 host 10.3.7.4 eq 443
 deny ip any any
`

/** The other end of CISCO_IOS's crypto map. */
export const CISCO_ASA = `: Saved
ASA Version 9.12(4)
hostname fw1
interface GigabitEthernet0/0
 nameif outside
 security-level 0
 ip address 198.51.100.7 255.255.255.0
!
object network NET-INSIDE
 subnet 10.2.0.0 255.255.0.0
object-group network BERLIN
 network-object 10.1.0.0 255.255.0.0
access-list L2L-BERLIN extended permit ip object NET-INSIDE object-group BERLIN
access-list L2L-BERLIN extended permit tcp host 10.3.7.4 eq https object-group BERLIN
access-list outside_in extended permit icmp any any
crypto ipsec ikev1 transform-set ESP-AES256-SHA256 esp-aes-256 esp-sha256-hmac
crypto ipsec ikev2 ipsec-proposal P2
 protocol esp encryption aes-256
crypto ipsec security-association lifetime seconds 3600
crypto map outside_map 1 match address L2L-BERLIN
crypto map outside_map 1 set pfs group14
crypto map outside_map 1 set peer 203.0.113.10
crypto map outside_map 1 set ikev1 transform-set ESP-AES256-SHA256
crypto map outside_map 2 match address L2L-X
crypto map outside_map 2 set peer 198.51.100.8
crypto map outside_map 2 set ikev2 ipsec-proposal P2
crypto map outside_map interface outside
crypto ikev1 enable outside
crypto ikev1 policy 10
 authentication pre-share
 encryption aes-256
 hash sha256
 group 14
 lifetime 86400
tunnel-group 203.0.113.10 type ipsec-l2l
tunnel-group 203.0.113.10 ipsec-attributes
 ikev1 pre-shared-key SuperSecretKey12345678
 isakmp keepalive threshold 10 retry 2
`

export const AWS_GENERIC = `Amazon Web Services
Virtual Private Cloud

VPN Connection Configuration
================================================================================
Your VPN Connection ID                   : vpn-44a8938f
Your Virtual Private Gateway ID          : vgw-8db04f81

IPSec Tunnel #1
================================================================================
#1: Internet Key Exchange Configuration

Configure the IKE SA as follows:
Please note, these sample configurations are for the minimum requirement of AES128, SHA1, and DH Group 2.
  - IKE version              : IKEv1
  - Authentication Method    : Pre-Shared Key
  - Pre-Shared Key           : plain.text_password1
  - Authentication Algorithm : sha1
  - Encryption Algorithm     : aes-128-cbc
  - Lifetime                 : 28800 seconds
  - Phase 1 Negotiation Mode : main
  - Diffie-Hellman           : Group 2

#2: IPSec Configuration

  - Protocol                 : esp
  - Authentication Algorithm : hmac-sha1-96
  - Encryption Algorithm     : aes-128-cbc
  - Lifetime                 : 3600 seconds
  - Mode                     : tunnel
  - Perfect Forward Secrecy  : Diffie-Hellman Group 2

  - DPD Interval             : 10
  - DPD Retries              : 3

#3: Tunnel Interface Configuration

Outside IP Addresses:
  - Customer Gateway         : 203.0.113.10
  - Virtual Private Gateway  : 198.51.100.7

Inside IP Addresses
  - Customer Gateway         : 169.254.255.2/30
  - Virtual Private Gateway  : 169.254.255.1/30

Configure your tunnel to fragment at the optimal size:
  - Tunnel interface MTU     : 1436 bytes

#4: Border Gateway Protocol (BGP) Configuration:

BGP Configuration Options:
  - Customer Gateway ASN     : 65000
  - Virtual Private  Gateway ASN : 7224
  - Neighbor IP Address      : 169.254.255.1
  - Neighbor Hold Time       : 30
`
