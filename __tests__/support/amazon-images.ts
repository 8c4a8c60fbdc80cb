import { writeFileSync } from 'node:fs';

/**
 * The newest Amazon Linux 2023 of each architecture. moto reads it from MOTO_AMIS_PATH, with other images that could be
 * mistaken for it. moto gives the images dates in the order of the file.
 */
export const NEWEST = { arm64: 'ami-0a200000000000002', x86_64: 'ami-0b200000000000002' } as const;

const NAMES = {
  arm64: {
    'ami-0a100000000000001': 'al2023-ami-2023.8.20250101.0-kernel-6.1-arm64',
    [NEWEST.arm64]: 'al2023-ami-2023.9.20251117.1-kernel-6.1-arm64',
    'ami-0a300000000000003': 'al2023-ami-minimal-2023.9.20260101.0-kernel-6.1-arm64',
    'ami-0a400000000000004': 'al2023-ami-ecs-hvm-2023.0.20260101-kernel-6.1-arm64',
    'ami-0a500000000000005': 'amzn2-ami-kernel-5.10-hvm-2.0.20260101.0-arm64-gp2',
  },
  x86_64: {
    'ami-0b100000000000001': 'al2023-ami-2023.8.20250101.0-kernel-6.1-x86_64',
    [NEWEST.x86_64]: 'al2023-ami-2023.9.20251117.1-kernel-6.1-x86_64',
  },
} as const;

/** Writes the file for MOTO_AMIS_PATH. */
export function writeAmazonImages(file: string): void {
  const images = Object.entries(NAMES).flatMap(([architecture, names]) =>
    Object.entries(names).map(([ami_id, name]) => ({
      ami_id,
      name,
      architecture,
      description: name,
      hypervisor: 'xen',
      image_location: `amazon/${name}`,
      image_type: 'machine',
      owner_alias: 'amazon',
      owner_id: '137112412989',
      platform: 'Linux/UNIX',
      public: true,
      root_device_name: '/dev/xvda',
      root_device_type: 'ebs',
      sriov: 'simple',
      state: 'available',
      virtualization_type: 'hvm',
    })),
  );
  writeFileSync(file, JSON.stringify(images));
}
