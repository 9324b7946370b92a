#!/bin/bash
exec qemu-system-x86_64 -cdrom "$1"
