#!/bin/sh
# Arguments: what the nodes are used for.
echo "role=$1" > /etc/node-role
echo "$BANNER" > /etc/motd
