# The image: Packer launches one build instance, installs the software, tests it and creates the AMI.

locals {
  instance_type = var.instance_type != "" ? var.instance_type : { arm64 = "t4g.large", x86_64 = "t3.large" }[var.architecture]
  image_name    = var.image_name != "" ? var.image_name : "${var.name}-${var.architecture}-${formatdate("YYYYMMDD-hhmmss", timestamp())}"
  output_folder = var.output_folder != "" ? var.output_folder : "${path.root}/output"

  mount_s3_url = replace(replace(var.mount_s3_url, "{version}", var.mount_s3_version), "{architecture}", var.architecture)
  hfsubset_url = replace(replace(var.hfsubset_url, "{version}", var.hfsubset_version), "{goarch}", { arm64 = "arm64", x86_64 = "amd64" }[var.architecture])

  sha256 = merge(var.known_sha256, var.sha256)

  # `datastream ami list` and `ami prune` find the project's images and snapshots by the tag datastream:image.
  tags = merge(var.tags, {
    Name               = local.image_name
    "datastream:image" = var.name
    "datastream:base"  = "{{ .SourceAMI }}"
  }, var.ami_parameter_name != "" ? { "datastream:parameter" = var.ami_parameter_name } : {})
  # `ami list` finds a build instance that still exists by the tag datastream:build.
  build_tags = merge(var.tags, { Name = "${local.image_name} (build)", "datastream:build" = var.name })
}

source "amazon-ebs" "datastream" {
  region              = var.region
  custom_endpoint_ec2 = var.custom_endpoint_ec2

  source_ami = var.base_ami
  dynamic "source_ami_filter" {
    for_each = var.base_ami == "" ? ["newest"] : []
    content {
      # The name of the standard image. The minimal image has the name al2023-ami-minimal-*.
      filters = {
        name                = "al2023-ami-2023.*-kernel-${var.kernel}-${var.architecture}"
        architecture        = var.architecture
        root-device-type    = "ebs"
        virtualization-type = "hvm"
      }
      owners      = ["amazon"]
      most_recent = true
    }
  }

  instance_type                         = local.instance_type
  subnet_id                             = var.subnet_id
  security_group_id                     = var.security_group_id
  temporary_security_group_source_cidrs = var.session_manager ? ["127.0.0.1/32"] : var.temporary_security_group_source_cidrs
  iam_instance_profile                  = var.iam_instance_profile
  # If Packer is killed while it installs, the instance terminates itself after two hours. Its volume is deleted too.
  shutdown_behavior = "terminate"
  user_data         = "#!/bin/sh\nshutdown --poweroff +120\n"

  communicator              = var.communicator
  ssh_username              = "ec2-user"
  ssh_interface             = var.session_manager ? "session_manager" : ""
  ssh_clear_authorized_keys = true
  # Amazon Linux 2023 refuses the RSA signatures of older clients.
  temporary_key_pair_type = "ed25519"

  launch_block_device_mappings {
    device_name           = "/dev/xvda"
    volume_size           = var.volume_size
    volume_type           = "gp3"
    iops                  = 3000
    throughput            = 125
    encrypted             = true
    kms_key_id            = var.kms_key_id
    delete_on_termination = true
  }

  imds_support = "v2.0"
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 2
  }

  # Packer waits up to an hour: the first snapshot of a large volume can take longer than Packer's default, 30 minutes.
  aws_polling {
    delay_seconds = 15
    max_attempts  = 240
  }

  ami_name        = local.image_name
  ami_description = "ngen-datastream on Amazon Linux 2023, ${var.architecture}"
  ami_users       = var.ami_users
  snapshot_users  = var.ami_users
  ami_regions     = var.ami_regions
  # If region_kms_key_ids is empty, each copy is encrypted with the EBS key of its region. Packer then makes no second
  # copy in the build's region.
  encrypt_boot       = length(var.region_kms_key_ids) > 0 ? true : null
  kms_key_id         = length(var.region_kms_key_ids) > 0 ? var.kms_key_id : null
  region_kms_key_ids = var.region_kms_key_ids

  tags            = local.tags
  snapshot_tags   = local.tags
  run_tags        = local.build_tags
  run_volume_tags = local.build_tags
}

build {
  sources = ["source.amazon-ebs.datastream"]

  provisioner "file" {
    except      = var.communicator == "none" ? ["amazon-ebs.datastream"] : []
    source      = "${path.root}/scripts/download.sh"
    destination = "/tmp/datastream-download.sh"
  }

  # The scripts run as root, in this order. If one fails, the build ends without an image.
  provisioner "shell" {
    except = var.communicator == "none" ? ["amazon-ebs.datastream"] : []
    scripts = [
      "${path.root}/scripts/packages.sh",
      "${path.root}/scripts/docker.sh",
      "${path.root}/scripts/mount-s3.sh",
      "${path.root}/scripts/hfsubset.sh",
      "${path.root}/scripts/ngen-datastream.sh",
      "${path.root}/scripts/datastreamcli.sh",
      "${path.root}/scripts/docker-images.sh",
      "${path.root}/scripts/smoke-test.sh",
    ]
    execute_command = "sudo env {{ .Vars }} bash '{{ .Path }}'"
    environment_vars = [
      "ARCHITECTURE=${var.architecture}",
      "DOWNLOAD=/tmp/datastream-download.sh",
      "RELEASE=${var.release}",
      "PACKAGES=${join(";", [for name, version in var.package_versions : version == "" ? name : "${name} = ${version}"])}",
      "MOUNT_S3_URL=${local.mount_s3_url}",
      "MOUNT_S3_SHA256=${lookup(local.sha256, basename(local.mount_s3_url), "")}",
      "HFSUBSET_URL=${local.hfsubset_url}",
      "HFSUBSET_SHA256=${lookup(local.sha256, basename(local.hfsubset_url), "")}",
      "NGEN_DATASTREAM_REPOSITORY=${var.ngen_datastream_repository}",
      "NGEN_DATASTREAM_REF=${var.ngen_datastream_ref}",
      "DATASTREAMCLI_REPOSITORY=${var.datastreamcli_repository}",
      "DATASTREAMCLI_REF=${var.datastreamcli_ref}",
      "DOCKER_IMAGES=${join(" ", var.docker_images)}",
    ]
  }

  # The result of the smoke test. It stays in the image too.
  provisioner "file" {
    except      = var.communicator == "none" ? ["amazon-ebs.datastream"] : []
    direction   = "download"
    source      = "/etc/datastream/software.json"
    destination = "${local.output_folder}/${local.image_name}.json"
  }

  # This is the last script, since no new login is possible after it.
  provisioner "shell" {
    except          = var.communicator == "none" ? ["amazon-ebs.datastream"] : []
    script          = "${path.root}/scripts/clean-up.sh"
    execute_command = "sudo bash '{{ .Path }}'"
  }

  post-processor "manifest" {
    output = "${local.output_folder}/manifest.json"
    custom_data = {
      architecture       = var.architecture
      name               = local.image_name
      volume_size        = var.volume_size
      ami_parameter_name = var.ami_parameter_name
    }
  }
}
