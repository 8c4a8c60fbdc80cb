# A file of its own: Packer before 1.7 has its builders built in and does not know this block.
packer {
  required_plugins {
    amazon = {
      # The first with imds_support is 1.2.2.
      version = ">= 1.2.2, < 2.0.0"
      source  = "github.com/hashicorp/amazon"
    }
  }
}
