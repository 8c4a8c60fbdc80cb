#!/usr/bin/env bash
# Starts Docker now and at every boot, for ec2-user too.
set -euo pipefail

systemctl enable --now docker
usermod --append --groups docker ec2-user
