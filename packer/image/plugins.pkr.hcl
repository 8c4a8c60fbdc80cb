packer {
  required_version = ">= 1.11.0"
  required_plugins {
    amazon = {
      # docs/decisions/packer.md says why this one.
      version = "= 1.3.9"
      source  = "github.com/hashicorp/amazon"
    }
  }
}
