#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""forge.py OWN6 DST_MAC DST4 DST6 WHAT=VALUE...: frames that claim what may not be the sender's, out of eth0, in order.

  ip=ADDRESS   UDP from this source address, to port 5999
  mac=MAC      UDP from the own address with this source MAC, to port 5998
  arp=ADDRESS  ARP reply: ADDRESS is at the own MAC
  sha=MAC      ARP reply: the own address is at MAC
  na=ADDRESS   neighbour advertisement: ADDRESS is at the own MAC
  own=PORT     UDP from the own address and MAC
"""
import sys

from scapy.all import ARP, IP, UDP, Ether, ICMPv6ND_NA, IPv6, conf, get_if_addr, get_if_hwaddr

own6, dst_mac, dst4, dst6, *claims = sys.argv[1:]
own_mac, own4 = get_if_hwaddr("eth0"), get_if_addr("eth0")
plain = Ether(src=own_mac, dst=dst_mac)


def frame(what, value):
    if what == "ip":
        return plain / (IPv6(src=value, dst=dst6) if ":" in value else IP(src=value, dst=dst4)) / UDP(dport=5999)
    if what == "mac":
        return Ether(src=value, dst=dst_mac) / IP(src=own4, dst=dst4) / UDP(dport=5998)
    if what == "arp":
        return plain / ARP(op=2, hwsrc=own_mac, psrc=value, hwdst=dst_mac, pdst=dst4)
    if what == "sha":
        return plain / ARP(op=2, hwsrc=value, psrc=own4, hwdst=dst_mac, pdst=dst4)
    if what == "na":
        return plain / IPv6(src=own6, dst=dst6, hlim=255) / ICMPv6ND_NA(tgt=value, R=0)
    if what == "own":
        return plain / IP(src=own4, dst=dst4) / UDP(dport=int(value))
    sys.exit(__doc__)


wire = conf.L2socket(iface="eth0")
for claim in claims:
    wire.send(frame(*claim.split("=", 1)))
