//! QEMU's machine `virt`: a RISC-V with 32 bits.
