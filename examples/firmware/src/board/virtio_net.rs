//! The network of QEMU's machine `virt`.
