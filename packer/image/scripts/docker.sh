#!/usr/bin/env bash
# Starts Docker now and at every boot. ec2-user may use Docker too.
set -euo pipefail

systemctl enable --now docker
usermod --append --groups docker ec2-user
