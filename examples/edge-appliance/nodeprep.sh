#!/bin/bash
# Prepares a node for SR-IOV when it starts: as many virtual functions on each ConnectX adapter as it is told to make.
set -euo pipefail
source /opt/spectrocloud/nodeprep-env.sh

mst start
for device in /sys/class/infiniband/*/device; do
    [ -e "$device/sriov_numvfs" ] || continue
    echo "${NUMVF:-8}" >"$device/sriov_numvfs"
done
