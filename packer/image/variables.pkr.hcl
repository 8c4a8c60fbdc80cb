# The variables of the image. `npx datastream ami build` checks all of them before the launch. Only this command checks
# rules that concern two variables, or AWS. docs/decisions/packer.md says why the rules use regex_replace, not regex.

variable "architecture" {
  type        = string
  default     = "arm64"
  description = "arm64 or x86_64: of the image, its base image, the build instance and everything downloaded."
  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "The architecture is one of arm64 and x86_64."
  }
}

variable "region" {
  type        = string
  default     = "us-east-2"
  description = "The region to build in. `npx datastream ami build` takes the one of the tfvars where none is given."
  validation {
    condition     = var.region != "" && regex_replace(var.region, "^[a-z]{2,4}(-[a-z]{2,12}){1,2}-[1-9]$", "") == ""
    error_message = "The region is a region's code, such as us-east-2."
  }
}

variable "base_ami" {
  type        = string
  default     = ""
  description = "The image to start from, which has dnf and the SSM agent. Default: the newest Amazon Linux 2023 with this kernel."
  validation {
    condition     = regex_replace(var.base_ami, "^ami-([0-9a-f]{8}|[0-9a-f]{17})$", "") == ""
    error_message = "The base_ami is the ID of an AMI, such as ami-0123456789abcdef0, or empty."
  }
}

variable "kernel" {
  type        = string
  default     = "6.1"
  description = "The kernel of the newest Amazon Linux 2023, as the names of its images have it. Without meaning beside base_ami."
  validation {
    condition     = var.kernel != "" && regex_replace(var.kernel, "^[0-9]+[.][0-9]+$", "") == ""
    error_message = "The kernel is a version of two numbers, such as 6.1 or 6.12."
  }
}

variable "volume_size" {
  type        = number
  default     = 32
  description = "The root volume in GiB, gp3 and encrypted. Every instance of the image has at least this."
  validation {
    condition     = var.volume_size >= 8 && var.volume_size <= 16384 && floor(var.volume_size) == var.volume_size
    error_message = "The volume_size is a whole number of GiB, 8 to 16384."
  }
}

variable "subnet_id" {
  type        = string
  default     = ""
  description = "The build instance's subnet, with a way to the Internet. Default: one of the default VPC."
  validation {
    condition     = regex_replace(var.subnet_id, "^subnet-([0-9a-f]{8}|[0-9a-f]{17})$", "") == ""
    error_message = "The subnet_id is the ID of a subnet, such as subnet-0123456789abcdef0, or empty."
  }
}

variable "security_group_id" {
  type        = string
  default     = ""
  description = "The build instance's security group, which lets ssh in. Default: a temporary one."
  validation {
    condition     = regex_replace(var.security_group_id, "^sg-([0-9a-f]{8}|[0-9a-f]{17})$", "") == ""
    error_message = "The security_group_id is the ID of a security group, such as sg-0123456789abcdef0, or empty."
  }
}

variable "temporary_security_group_source_cidrs" {
  type        = list(string)
  default     = ["0.0.0.0/0"]
  description = "From where the temporary security group lets ssh in, while the build lasts, with a key of its own."
  validation {
    condition     = length(var.temporary_security_group_source_cidrs) > 0 && length([for cidr in var.temporary_security_group_source_cidrs : cidr if regex_replace(cidr, "^([0-9]{1,3}[.]){3}[0-9]{1,3}/[0-9]{1,2}$", "") != ""]) == 0
    error_message = "The temporary_security_group_source_cidrs are IPv4 ranges, such as 203.0.113.7/32."
  }
}

variable "session_manager" {
  type        = bool
  default     = false
  description = "ssh through Session Manager, with no open port. Needs AWS's session-manager-plugin where Packer runs."
}

variable "name" {
  type        = string
  default     = "datastream"
  description = "The image family: images are called <name>-<architecture>-<date>-<time>."
  validation {
    # EC2 allows 128 characters. The hyphens, the architecture, the date and the time take up to 23 of them.
    condition     = var.name != "" && regex_replace(var.name, "^[A-Za-z0-9()\\[\\] ./'@_-]{3,104}$", "") == ""
    error_message = "The name has 3 to 104 letters, digits and ()[] ./-'@_ (EC2's AMI names)."
  }
}

variable "image_name" {
  type        = string
  default     = ""
  description = "The image's whole name, instead. `npx datastream ami build` makes it, to know what it has built."
  validation {
    condition     = regex_replace(var.image_name, "^[A-Za-z0-9()\\[\\] ./'@_-]{3,128}$", "") == ""
    error_message = "The image_name has 3 to 128 letters, digits and ()[] ./-'@_ (EC2's AMI names), or is empty."
  }
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags on the image and its snapshots, on the build instance and its volume."
  validation {
    condition     = length([for key, value in var.tags : key if key == "Name" || regex_replace(key, "^(aws|datastream):.*$", "") == ""]) == 0
    error_message = "The tags have keys that are not Name and do not begin with aws: or datastream:, which are taken."
  }
}

variable "ami_users" {
  type        = list(string)
  default     = []
  description = "IDs of the accounts that may launch the image. Needs kms_key_id, of a key that these accounts may use."
  validation {
    condition     = length([for account in var.ami_users : account if regex_replace(account, "^[0-9]{12}$", "") != ""]) == 0
    error_message = "The ami_users are account IDs, of 12 digits each."
  }
}

variable "ami_regions" {
  type        = list(string)
  default     = []
  description = "Further regions to copy the image to."
}

variable "region_kms_key_ids" {
  type        = map(string)
  default     = {}
  description = "For each of ami_regions the KMS key that encrypts the copy. Default: the account's EBS keys there."
}

variable "ami_parameter_name" {
  type        = string
  default     = ""
  description = "The SSM parameter that `npx datastream ami build` writes the image's ID to. Default: none."
  validation {
    condition     = regex_replace(var.ami_parameter_name, "^(/[A-Za-z0-9_.-]+){1,15}$", "") == ""
    error_message = "The ami_parameter_name is a parameter's name that begins with a slash, such as /datastream/ami, or empty."
  }
}

# The software of the image.

variable "release" {
  type        = string
  default     = ""
  description = "The release of Amazon Linux 2023 that packages come from, such as 2023.9.20251117. Default: the base image's own, which its repositories are locked to."
  validation {
    condition     = regex_replace(var.release, "^(latest|2023[.][0-9]+[.][0-9]{8})$", "") == ""
    error_message = "The release is one of Amazon Linux 2023, such as 2023.9.20251117, or latest, or empty."
  }
}

variable "package_versions" {
  type = map(string)
  default = {
    docker        = ""
    git           = ""
    "python3-pip" = ""
    pigz          = ""
    awscli        = ""
    python        = ""
    jq            = ""
  }
  description = "What dnf installs, each with its version, such as 25.0.8. Empty: the newest of the release. Further packages may be added."
  validation {
    condition     = length([for name, version in var.package_versions : name if regex_replace("${name}${version}", "^[A-Za-z0-9][A-Za-z0-9._+~^:-]*$", "") != ""]) == 0
    error_message = "The package_versions are names and versions of packages, of letters, digits and ._+~^:-."
  }
}

variable "known_sha256" {
  type = map(string)
  default = {
    # These sums are from the bootstrap script of AWS's scale-out-computing-on-aws.
    "mount-s3-1.14.0-arm64.rpm"  = "5c13de3fa0a8fd884444c5bf149cc4c3967aadad5c6fc4925df2529d4a83a5dd"
    "mount-s3-1.14.0-x86_64.rpm" = "ea6f6f76602b0034642a88a8ce31542a185c36c9fa5e50c49dffe445b8b70cd7"
  }
  description = "The SHA-256 of each downloaded file that somebody has published, by its name. Write others into sha256."
}

variable "sha256" {
  type        = map(string)
  default     = {}
  description = "The SHA-256 of each other downloaded file, by its name. `npx datastream ami pin` writes those of the versions in use."
  validation {
    condition     = length([for file, sum in var.sha256 : file if sum == "" || regex_replace(sum, "^[0-9a-f]{64}$", "") != ""]) == 0
    error_message = "The sha256 are 64 hexadecimal digits each, in lower case."
  }
}

variable "ngen_datastream_repository" {
  type        = string
  default     = "https://github.com/CIROH-UA/ngen-datastream.git"
  description = "The repository that is cloned to /home/ec2-user/ngen-datastream."
  validation {
    # A user name or token in the address would appear in the image and in every log.
    condition     = var.ngen_datastream_repository != "" && regex_replace(var.ngen_datastream_repository, "^https://[A-Za-z0-9.:-]+/[A-Za-z0-9._/~-]+$", "") == ""
    error_message = "The ngen_datastream_repository is an https address without a user's name or token, such as https://github.com/CIROH-UA/ngen-datastream.git."
  }
}

variable "ngen_datastream_ref" {
  type = string
  # The commit whose getting-started document this image replaces.
  default     = "e684c117c7367ea1d43f34baac3e927c9381d201"
  description = "Its commit, by the whole hash: a branch or a tag may be another one tomorrow."
  validation {
    condition     = var.ngen_datastream_ref != "" && regex_replace(var.ngen_datastream_ref, "^[0-9a-f]{40}$", "") == ""
    error_message = "The ngen_datastream_ref is a whole commit hash, of 40 hexadecimal digits."
  }
}

variable "datastreamcli_repository" {
  type        = string
  default     = "https://github.com/CIROH-UA/datastreamcli.git"
  description = "The repository that is cloned to /home/ec2-user/datastreamcli, where upstream's scripts have been since 2025."
  validation {
    condition     = var.datastreamcli_repository != "" && regex_replace(var.datastreamcli_repository, "^https://[A-Za-z0-9.:-]+/[A-Za-z0-9._/~-]+$", "") == ""
    error_message = "The datastreamcli_repository is an https address without a user's name or token, such as https://github.com/CIROH-UA/datastreamcli.git."
  }
}

variable "datastreamcli_ref" {
  type = string
  # The commit must be of July 2026 or later. Then its scripts/datastream knows the options -t and -w of upstream's
  # templates, and it writes no ngen-run.tar.gz.
  default     = "0564b40bc9f510e3b3912b46e2a5df9725e056db"
  description = "Its commit, by the whole hash: a branch or a tag may be another one tomorrow."
  validation {
    condition     = var.datastreamcli_ref != "" && regex_replace(var.datastreamcli_ref, "^[0-9a-f]{40}$", "") == ""
    error_message = "The datastreamcli_ref is a whole commit hash, of 40 hexadecimal digits."
  }
}

variable "docker_images" {
  type        = list(string)
  default     = []
  description = "Images to bake in, each with a tag or a digest, such as awiciroh/datastream:latest and awiciroh/forcingprocessor:latest."
  validation {
    condition     = length([for image in var.docker_images : image if regex_replace(image, "^([a-z0-9.-]+(:[0-9]+)?/)?[a-z0-9._/-]+(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?@sha256:[0-9a-f]{64})$", "") != ""]) == 0
    error_message = "Each of docker_images has a tag or a digest, such as awiciroh/datastream:latest."
  }
}

# The connections of the build, and its other results.

variable "communicator" {
  type        = string
  default     = "ssh"
  description = "ssh; or none, with which nothing is installed: for an emulator, whose instances cannot be reached."
  validation {
    condition     = contains(["ssh", "none"], var.communicator)
    error_message = "The communicator is one of ssh and none."
  }
}

# Strings without a rule.

variables {
  # The type of the build instance, of the same architecture. Default: t4g.large, or t3.large for x86_64.
  instance_type = ""
  # ID, alias or ARN of the KMS key that encrypts the volume. Default: the account's EBS key. Images with this default
  # key cannot be shared.
  kms_key_id = ""
  # The build instance's profile. With session_manager, the default of `npx datastream ami build` is the deployment's
  # profile. With session_manager, Packer itself needs a value.
  iam_instance_profile = ""

  # The version of Mountpoint for Amazon S3.
  mount_s3_version = "1.14.0"
  # The address of its download. {version} and {architecture} are replaced.
  mount_s3_url = "https://s3.amazonaws.com/mountpoint-s3-release/{version}/{architecture}/mount-s3-{version}-{architecture}.rpm"
  # The version of hfsubset.
  hfsubset_version = "1.1.0"
  # The address of its download. {version} and {goarch} (arm64 or amd64) are replaced.
  hfsubset_url = "https://github.com/lynker-spatial/hfsubsetCLI/releases/download/v{version}/hfsubset-v{version}-linux_{goarch}.tar.gz"

  # The folder of manifest.json and of the software's manifests. Default: output beside this file.
  output_folder = ""
  # Another endpoint of EC2, such as the address of a VPC endpoint or of an emulator.
  custom_endpoint_ec2 = ""
}
