/** Configurations of routers, firewalls and clouds in the way their documentation writes them. */

export const CISCO_IOS = `version 15.4
hostname R1
!
crypto isakmp policy 10
 encr aes 256
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
crypto ipsec transform-set TS esp-aes 256 esp-sha-hmac
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
crypto ipsec ikev1 transform-set ESP-AES256-SHA esp-aes-256 esp-sha-hmac
crypto ipsec ikev2 ipsec-proposal P2
 protocol esp encryption aes-256
crypto ipsec security-association lifetime seconds 3600
crypto map outside_map 1 match address L2L-BERLIN
crypto map outside_map 1 set pfs group14
crypto map outside_map 1 set peer 203.0.113.10
crypto map outside_map 1 set ikev1 transform-set ESP-AES256-SHA
crypto map outside_map 2 match address L2L-X
crypto map outside_map 2 set peer 198.51.100.8
crypto map outside_map 2 set ikev2 ipsec-proposal P2
crypto map outside_map interface outside
crypto ikev1 enable outside
crypto ikev1 policy 10
 authentication pre-share
 encryption aes-256
 hash sha
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

export const FORTIGATE = `#config-version=FGT60F-7.0.0
config system interface
    edit "wan1"
        set ip 203.0.113.10 255.255.255.0
    next
end
config vpn ipsec phase1-interface
    edit "paris"
        set interface "wan1"
        set peertype any
        set net-device disable
        set proposal aes256-sha256 aes128-sha1
        set dhgrp 14 5
        set remote-gw 198.51.100.7
        set psksecret ENC fkmWs3tPHj/EncryptedOnTheDevice==
    next
    edit "modern"
        set ike-version 2
        set remote-gw 198.51.100.8
        set psksecret "secret that is written in clear"
    next
end
config vpn ipsec phase2-interface
    edit "paris-lan"
        set phase1name "paris"
        set proposal aes256gcm aes256-sha256
        set dhgrp 14
        set src-subnet 10.1.0.0 255.255.0.0
        set dst-subnet 10.2.0.0 255.255.0.0
    next
    edit "paris-web"
        set phase1name "paris"
        set proposal aes256gcm aes256-sha256
        set dhgrp 14
        set protocol 6
        set dst-port 443
        set src-subnet 10.1.0.0 255.255.0.0
        set dst-subnet 10.3.7.4 255.255.255.255
        set keylifeseconds 3600
    next
end
config firewall policy
    edit 1
        set name "to paris"
    next
end
`

export const JUNIPER = `security {
    ike {
        proposal P1 {
            authentication-method pre-shared-keys;
            dh-group group14;
            authentication-algorithm sha-256;
            encryption-algorithm aes-256-cbc;
            lifetime-seconds 28800;
        }
        policy POL {
            mode main;
            proposals P1;
            pre-shared-key ascii-text "$9$scrambledByTheDevice"; ## SECRET-DATA
        }
        gateway GW {
            ike-policy POL;
            address 198.51.100.7;
            dead-peer-detection {
                interval 10;
                threshold 3;
            }
            local-identity hostname srx.example.net;
            external-interface ge-0/0/0.0;
        }
    }
    ipsec {
        proposal P2 {
            protocol esp;
            authentication-algorithm hmac-sha-256-128;
            encryption-algorithm aes-256-cbc;
            lifetime-seconds 3600;
        }
        policy IP {
            perfect-forward-secrecy {
                keys group14;
            }
            proposals P2;
        }
        vpn PARIS {
            bind-interface st0.1;
            ike {
                gateway GW;
                ipsec-policy IP;
            }
            establish-tunnels immediately;
        }
    }
}
interfaces {
    ge-0/0/0 {
        unit 0 {
            family inet {
                address 203.0.113.10/24;
            }
        }
    }
    st0 {
        unit 1 {
            family inet {
                address 169.254.10.1/30;
            }
        }
    }
}
routing-options {
    static {
        route 10.2.0.0/16 next-hop st0.1;
    }
}
`
