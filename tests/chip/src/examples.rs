//! Signatures of one message with keys that were made for nothing else.

/// The message.
pub const MESSAGE: &[u8] = b"eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9";

/// The key of RFC 8037 Appendix A.
pub const ED25519: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
/// By `ED25519`.
pub const ED_DSA: &str =
    "nMIaoSIGQ2QdEcyBCuZgEqF50nzCZ19mv3QJJKrW8GrFktcEmuU5TrJRGTbdOKzyY1s3e_bspXF-11fjnbpfBg";
/// By `P384_X` and `P384_Y`.
pub const ES384: &str = "lLMazzDopKfei6JDnDGMXPjm7XJae5Fd5SzjfKFeUeqpqz8gP3KWg59n3oivgcFF9tquit0xsoahDCR8Jm68ZEPLcRdTixFloS6hAKZH\
    eWQOJUoqlTdyQ1TmVegfWM9w";
/// Under `SECRET`.
pub const HS256: &str = "y8hE9ifRwKq8cfijrCWqE7Paw4dae02jFyoeoY1HaRw";
/// A secret.
pub const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
/// A point.
pub const P384_X: &str = "_sQ4N_E5Pk9_ogSuCK3O5KFcXJ93SrAqhXObHHM2DUtsjDOl3YD45RRjF9dVyCLh";
/// A point.
pub const P384_Y: &str = "hAv-Bx-s5qF0qp6ijUEnrU2nCPD2MMtsKSatvlj3hzbqPIsqHq4B5vtgbbkpNbmF";
/// By `RSA_PS`.
pub const PS256: &str = "REkthgQ-rOCrG77lJNUH5jkXT7ltF9SnIhYBRhFl9e5Lg9cEUeBj3Uhzvm4z-tgTvZKbyXtDPa-UZxALsjxHGSC6F3maAN2Kv4TMXq4N\
    bQnAhHWo6dJV_aHdqO68SZ9vxX7FctZAraPNKrc17z9OuBjCznQLAXsPGw4eDGlOokifOooNSqIIZ6zFcXh5Ic5Sx_EmTrFDDeuJQDkX\
    eUNuDi7jZEICcK-Awbl2vSfaDsZ4zk_JlVtgyTXGNNV4oIRhCpxZhRqJuFHxPQ888Y7b0KVVZoJPeZYyKe0kM0YgwhGJwGwsdft--BOo\
    P1EDa84k111sE0aQyL5A3wnNQ2apGw";
/// Has 2048 bits.
pub const RSA_PS: &str = "o7uJ4GilAXu2NFB_A6Wks_a8dBp_mmdAOLx74zLUar47v8bdZtmE52VtucK4eW7IT13HgaudNad6SP8xYJkIbH8INDO1nb9I1ozds-1A\
    tkEK-1HhlZOdblbeg8wETsveJAcgd7jcDjpNk-PBxoQEJHuIbWZU62dOhYkq4Ypq6qC8ASeaKfmTSXm_cMpElIE2_rZ9xqefNyTwzP9q\
    6NmReN7gzHw4zl4hBHo-0Pr1Wcxq92Rkvzz6FVLQiKGUJ730pm2H3IDRh_94enWwYfRBb4Tq0ikWBF7K23KcnhYEweZh2w976tRmAT98\
    w1yKEYfFj8-wKt9nDg3EcBiYaITuTQ";
/// By `RSA_3072`.
pub const RS256_3072: &str = "v368MFojPlabGX7QBFZGUvUnhroJ3_YbfeWzcHAht77rxsUBgdWYijlU8ja_pjjCkfMM918o1iE7axaFgbAq16dLAoNmE6yArJaIafqy\
    gg6UvypHNeXDrEmqMWAJUAsif8CpsUdGgdRsXiKA__q9c3rVpHm1K_1eEKu2y-2DkZkecO_iOFmtf6mFcdouGZW5-e3PHOGE4MheGM6k\
    i3qnMiHE8w5Eqg_YBsm0avMrM8hUcHAbm-INn0eTk2ZlXd5yCTpdPqOuEwseq3lgr_5RQG4iGbop0d7zHdyLjhQbdW8EaAQ8oLEmlqFl\
    YW2PDL7msKntIEe8v4FP5NOonYNwQ_J7i9etTDhKGtYNVvqbbsTyLdOoIuLyjBiDEYjMyOF3ue8EdsbGDaQBpQxbdq6TL0UdFjKdpbB4\
    HLI88zKX4do6jt6Wbxkjdti5O5123ti2202kFy-hsqkatPoDoHsdnCEy8cgXVnbfhKSbVTefmGhqyT8gH2VDurxUax2CeI2B";
/// A modulus.
pub const RSA_3072: &str = "wT8gaaM4QK3n62Zy7tTuJlXcnw3mPQ0g2QljraZ-1IweQBDyK_VbjaRx1r5e7ckV8Dz2ikTdfJsdAVBsW06GMRVzNgC8Rp-Cr6ZGcuTs\
    BRIUMRoq4oTdjW-S4ushwgkNsOLyuQP6KIVEs_SPm27e_rAiEfLtRERC-gXBcuo6-KBEHqxhNAiwm0C_X-O--P-7XjGRHzLH5DvDzSkZ\
    CSEdwetJN8W83ku4QcGKdwJb4ydjYdVc--FmjNS-cvJK_opDsg4AzbMEodGyxg4KF3otpo2Rka-MNlYme-bBEIEwxM7Lv-dMeOyhTjtN\
    k6JU6AfRQwHC2Y6bgvBa2YET5mteSA4d3Q0q7HSoyFr1yFPdrkhQeer9dihnjPW86WnZBEiUvHuWsPEjZbvazPgXD8ThMM0_NS3aHapn\
    kOvZiqAu5ym58ZvI7B-GOU_Qiv190ObcQj3XKN8tdKQ2DqDI1j4quzFzqArGhgt3THCfnB6D59_7xQAAzj51uHB89mwtwE49";
/// By `RSA_4096`.
pub const RS256_4096: &str = "lHO0kOvlH-VJ13dVrZPbQCB5ucrarXyLgZrLM_BDId2rAuds_s480elwfxjzNO8Q6qie4DrIDX1kysWSFtDVwp3iTCAJiMRprrQs0ROn\
    R23ZFcIx2lrE2dbYuqhIVukL8NhQlM8p76dMDCApvuipgPyHmvLnkrX1xkA8oScmB6dfca7SAmVZn0podemySB0nZ-ViLXxyJmRLEkbR\
    2u-79NG0hxDerdYB3OMBfG_PR7dWLfmvdRQ7jBOehuY23ehpu75W53JKl60ISNP4OmlGLKG_bo4TwQClESdS3oGPn-MRC1Bdm0HR8tBV\
    EpbxSacci26UIovTyufDYb_ymJcgw2d0PViEPUcgYSc9BnJKFL0PpDID4OZZdaD5Phgc2w796KQlWqcWz9SP8JpxVCLVyOv7xVknux5D\
    DNq3ocnFbclg10TudYbUIAD6FULQZz-vu5KmoUeYGKGBrUuV9Ifvx32bxW_5YcHPNABMRBiMP47RFFytolAhzMLPhgm16VzK8Pz05vOO\
    0WePZkHJEdVaYLVHCMdZWQvW_FT5vxwEO9nJb0v9CkpHrHqHBIWAp48GYJ7BrlLbUVbkXK7iLyQwJJdI9vXDKxt5q6NDnpNYXLwFsT7N\
    SAREGZVAwkPduIG1Oh9sVVrSuoSHnqLUQuvt0seQcJgrOBvM0y4eXQ8B-FM";
/// A modulus.
pub const RSA_4096: &str = "pIt41U3z66kBn5CGxdvYU6www6nDuuT_tc2H8ppber8DJjGjPDxptECDmIdH6LFY-bghwLXs1wBb5firU__--_HKsay3Oc5Pr4bxEAer\
    1mMbyClqbTE7wpgRmdq2_1amNXMCt9AEZKyrncJGSEMohk9CRZ-NjvZEMNBhFe3Sz3J56gwMmXbOMUk92MUqSLBLGYW7roXMDLTECeWs\
    d-LjMVoVGh-W9US2WEYIjyJw_Qf0n7EG6CVnpTISH2hoKuPeECDp45GE93pnHQ6f74UJs9cDEgEMCy44gkJDC_wN9glWd-2wzT2WMUuD\
    yL7iJmDxf3E8_j9THqyhKQGExTkiHN10bix2rhHKHh8oVnkcdmY3PA5-CjGPyllfnyW9gSRTb7KTQg3aD6ILRIBkbktNfYJfZaIElnEh\
    wMczG8uoIebXOukMJQ0CrbKVLt4T1dqdNdZp6WQjDaJm5tyUtRhp1tyZshat3EJppTJynUGrIyhAuLDmI6yELySbVKl4JCoeAFW8RCRo\
    e-zjwXCTe-HEg6rcUPJcKcCGwCFRL7z5aSHGNBJbf8oq1EBSs1PU5DPCnj0LjiAEgC0ZyHHG7aud3G2gh0fu-T_KO6O1oqKhuPCt5Ii1\
    NnlUv6t23h7E3Dl-2VBYgDbSAXfCP77CgwNC1nvKNYLOPPmrrSmPkRGARzM";
