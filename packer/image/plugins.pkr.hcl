# A file of its own: Packer before 1.7 has its builders built in and does not know this block.
packer {
  required_plugins {
    amazon = {
      # docs/decisions/packer.md says why this one.
      version = "= 1.3.9"
      source  = "github.com/hashicorp/amazon"
    }
  }
}
