packer {
  required_version = ">= 1.11.0"
  required_plugins {
    amazon = {
      # docs/decisions/packer.md explains this version.
      version = "= 1.3.9"
      source  = "github.com/hashicorp/amazon"
    }
  }
}
