/** Hashes made by other software, each with where it comes from. */
export type HashVector = { origin: string; encoded: string; password: string };

const phrase = 'Pässwörd-1 🔑';
const made = (origin: string, encoded: string, password = phrase): HashVector => ({ origin, encoded, password });

const passlib = 'Passlib 1.7.4';
const passwap = 'test values of zitadel/passwap';
const shaCrypt = 'SHA-crypt.txt';

/** Signer key of the sample in github.com/firebase/scrypt. */
const firebaseSampleKey = 'jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==';

/** Their cost lies within our bounds. */
export const acceptedVectors: HashVector[] = [
  made(`${passlib}, bcrypt 5.0.0`, '$2$10$abcdefghijklmnopqrstuuMt2NTLewYjB23APl/drn/PUj6fzni/q'),
  made(`${passlib}, bcrypt 5.0.0`, '$2$10$abcdefghijklmnopqrstuuhBb/0dYbuuS1CS8hp30IXhlFBW2VAWG', 'x'.repeat(80)),
  made(`${passlib}, bcrypt 5.0.0`, '$2a$10$abcdefghijklmnopqrstuuxMiqtPY2SsTJvM1hmZQUuLLtxjumsri'),
  made(`${passlib}, bcrypt 5.0.0`, '$2b$10$abcdefghijklmnopqrstuuxMiqtPY2SsTJvM1hmZQUuLLtxjumsri'),
  made(`${passlib}, bcrypt 5.0.0`, '$2y$10$abcdefghijklmnopqrstuuxMiqtPY2SsTJvM1hmZQUuLLtxjumsri'),
  made('the same, with noise in the salt’s unused bits', '$2b$10$abcdefghijklmnopqrstuvxMiqtPY2SsTJvM1hmZQUuLLtxjumsri'),
  made(passwap, '$2a$12$aLYFkieuqJyeynvptPTxpehSViui5WeAPuR2Xw1wui9CPHEaacmFq', 'password'),

  made(
    `${passlib}, argon2-cffi 25.1.0`,
    '$argon2i$v=19$m=8192,t=1,p=2$cmFuZG9tc2FsdGlzaGFyZA$QWSXX+GEjg3NzIvRKg4cM7yJirg9qCTgmQbxLGSvvyg',
  ),
  made(
    `${passlib}, argon2-cffi 25.1.0`,
    '$argon2id$v=19$m=8192,t=1,p=2$cmFuZG9tc2FsdGlzaGFyZA$T0C1WOaKbTNNW8f4qh0VUguO31J/iGYx4Qcaxh1gQwc',
  ),
  made(
    `${passlib}, argon2-cffi 25.1.0`,
    '$argon2id$v=19$m=19456,t=2,p=1$cmFuZG9tc2FsdGlzaGFyZA$RCYz1HHtMHijP6wFHB0DDM9Fd52c0xvqHwiNeCFEFJE',
  ),
  made(
    'test.c of P-H-C/phc-winner-argon2',
    '$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA',
    'password',
  ),
  made(
    'test.c of P-H-C/phc-winner-argon2',
    '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
    'password',
  ),

  made(passlib, '$scrypt$ln=14,r=8,p=1$cmFuZG9tc2FsdGlzaGFyZA$u6u0mXNd8XF8oSkhoCedOeqyb9isVn1nwk6NSv4Oyn4'),
  made(passlib, '$scrypt$ln=14,r=16,p=2$cmFuZG9tc2FsdGlzaGFyZA$jh+MfHEBctlHDATnxB7lcKlYRDnsLInZzCK311jD8G8'),
  made(
    `${passlib}, behind Zitadel’s marker`,
    '$7$ln=14,r=8,p=1$cmFuZG9tc2FsdGlzaGFyZA$u6u0mXNd8XF8oSkhoCedOeqyb9isVn1nwk6NSv4Oyn4',
  ),
  made(passlib, '$7$C6....0....randomsaltishard$Kpzd.IgPuIJFCmRF1np2qsiusxBm5DJJOSeDec3MAN1'),
  made('libxcrypt', '$7$C6..../....SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D', 'pleaseletmein'),
  made(passwap, '$scrypt$ln=16,r=8,p=1$cmFuZG9tc2FsdGlzaGFyZA$Rh+NnJNo1I6nRwaNqbDm6kmADswD1+7FTKZ7Ln9D8nQ', 'password'),

  made(
    'sample of github.com/firebase/scrypt',
    `$firescrypt$ln=14,r=8,p=1$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==$Bw==$${firebaseSampleKey}`,
    'user1password',
  ),
  made(
    `${passwap}, without a salt separator`,
    `$firescrypt$ln=14,r=8,p=1$42xEC+ixf3L2lw==$NohHtJ2FmkEqzefZ0IHnOlqTzFN8n6vXXd0EW2OIGuUh4rcwvVh7XVRDVs5yOrueoudRPIoimS6jIwf4pMW3rg==$$${firebaseSampleKey}`,
    'user1password',
  ),
  made(
    'test values of ory/kratos',
    '$firescrypt$ln=14,r=8,p=1$sPtDhWcd1MfdAw==$xbSou7FOl6mChCyzpCPIQ7tku7nsQMTFtyOZSXXd7tjBa4NtimOx7v42Gv2SfzPQu1oxM2/k4SsbOu73wlKe1A==$Bw==$YE0dO4bwD4JnJafh6lZZfkp1MtKzuKAXQcDCJNJNyeCHairWHKENOkbh3dzwaCdizzOspwr/FITUVlnOAwPKyw==',
    '8x4WjoDbSxJZdR',
  ),
  made(
    'Python hashlib.scrypt and openssl enc, in base64url',
    '$firescrypt$ln=14,r=8,p=1$c2FsdHlzYWx0$RfVU7KLa6er3NtxOHcCCq_iavAD04XgZ6sIQ9gTOPbeIsu90KZV935IVMnAKb_nU76gWj-Yt5pqxQUbJL_CVHw==$Bw==$vr_AwcLDxMXGx8jJysvMzc7P0NHS09TV1tfY2drb3N3e3-Dh4uPk5ebn6Onq6-zt7u_w8fLz9PX29_j5-vv8_Q==',
  ),

  made(passlib, '$pbkdf2$1000$cmFuZG9tc2FsdGlzaGFyZA$0oprNm5clNf8tSxuGwHLNzS9hbk'),
  made('Python hashlib', '$pbkdf2-sha224$1000$cmFuZG9tc2FsdGlzaGFyZA$f79ELt/Ylo2A65fJ.3z8DbQl/A9OTE0O8PYKCw'),
  made(passlib, '$pbkdf2-sha256$1000$cmFuZG9tc2FsdGlzaGFyZA$rtpDm.fG6VRV6e/HJcPmsKZT8jCQ0asDefcWj1KvENc'),
  made(
    'Python hashlib',
    '$pbkdf2-sha384$1000$cmFuZG9tc2FsdGlzaGFyZA$ohr2goEdIc5c6ppo5MykGuICO0JnqRs7AiPf35Z1HEk4uHkN2OQL1i.xxTuxEs69',
  ),
  made(
    passlib,
    '$pbkdf2-sha512$1000$cmFuZG9tc2FsdGlzaGFyZA$JicIgo6p.hXZkAk3ia5h.4p0KrnYNV0a47qbum/xJt8wBtWNGPIXwlEDHL3C4IBHI25.E4uRsfI35Fb72v7hKg',
  ),
  made(
    'Python hashlib, in Keycloak’s length and padded base64',
    '$pbkdf2-sha256$27500$cmFuZG9tc2FsdGlzaGFyZA==$XXP6XeR7CipCJOqdhNXgvTKy11mPcxZS4Q9xvX2TlrGdJhgUm7Vutl8RexA0uN46+hrNZruVi0ROZKdjdTd+5A==',
  ),

  made(passlib, '$5$rounds=1000$saltysalt$OEI.j920o1lBRy7LhjLu.F334Q36/szYPd3EVO0prd9'),
  made(passlib, '$5$saltysaltsaltysa$f5L8sF0x2Jft2ZN7aMhnioK..Zh2phTqVmziXa2oRE/'),
  made(passlib, '$5$rounds=1000$$sgdRCdKk6Zb04c2zpFvrnBMAqcu2tYWexpEivwws6d2'),
  made(passlib, '$5$rounds=1000$a$h8gEN0ODxYvLokgp44mp9FQeMZy0f9j01cbNDQnD727', ''),
  made(shaCrypt, '$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5', 'Hello world!'),
  made(shaCrypt, '$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA', 'Hello world!'),
  made(
    shaCrypt,
    '$5$rounds=1400$anotherlongsalts$Rx.j8H.h8HjEDGomFU8bDkXm3XIUnzyxf12oP84Bnq1',
    'a very much longer text to encrypt.  This one even stretches over morethan one line.',
  ),
  made(
    shaCrypt,
    '$5$rounds=77777$short$JiO1O3ZpDAxGJeaDIuqCoEFysAe1mZNJRs3pw0KQRd/',
    'we have a short salt string but not a short password',
  ),
  made(
    passlib,
    '$6$rounds=1000$saltysalt$cYuOPdroGFXyFx8wy7wlYKwDpJYZXMSjOJ5eYeBBiDwT/Mf4Zb0nJhFruF9ccqkbn75bhJhaUdv2F/vnVoc3U1',
  ),
  made(passlib, '$6$saltysaltsaltysa$0JyZHCHTDBimNue9wgT00IqMUOs5Ai2SG1Y828WXR5eTmb6cox4rrp.2BVQsZvW6Sfoim2NJzsN1mZYbgiQdX.'),
  made(passlib, '$6$rounds=1000$a$q/ZSdy9IBSzcpbaIjdRTOu569QiYiP4n7Ab08Oq1Ir6J.GD1xR3BAwRIYHnavtE1Wzodknd9BxknlHhFBP/az1', ''),
  made(
    'libxcrypt, salt with a sign',
    '$6$rounds=1000$ab#c$gBtFufViP95PFsABx09sfgLcIlqXy0PUFvoLejMLdPXVW/Thp0rDif2B45DqV7xX4xml3QGoCoRymtFVo5PyK/',
    'pässword',
  ),
  made(
    shaCrypt,
    '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1',
    'Hello world!',
  ),
  made(
    shaCrypt,
    '$6$rounds=1400$anotherlongsalts$POfYwTEok97VWcjxIiSOjiykti.o/pQs.wPvMxQ6Fm7I6IoYN3CmLs66x9t0oSwbtEW7o7UmJEiDwGqd8p4ur1',
    'a very much longer text to encrypt.  This one even stretches over morethan one line.',
  ),

  made(passlib, '$1$saltysal$MWo/fo6i5qyg.xpMp8XZ9/'),
  made(passlib, '$1$$.ws13QunlWwdyh0QLfduB1'),
  made(passlib, '$1$ab$rn6aQS/o7141mj179E/zA.', ''),
  made(passlib, '$1$ab$51yqsnws.JMu62pzYPj8i1', 'long password, over one block of md5 in length, so that it repeats'.repeat(2)),
  made('tests of FreeBSD libcrypt', '$1$deadbeef$0Huu6KHrKLVWfqa4WljDE0', '0.s0.l33t'),
  made(passwap, '$1$kJ4QkJaQ$3EbD/pJddrq5HW3mpZ4KZ1', 'password'),

  made(passlib, '$P$6saltysalOZUIx60lTSMc6GYsAn3I./'),
  made(passlib, '$H$Bsaltysalm4rFxlvfiQJdFcrAQii/m1'),
  made('test.php of phpass', '$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0', 'test12345'),
  made('tests of Passlib', '$P$612345678si5M0DDyPpmRCmcltU/YW/', 'JohnRipper'),
  made('tests of Passlib', '$P$7JaFQsPzJSuenezefD/3jHgt5hVfNH0', ''),
  made('tests of Passlib', '$P$FiS0N5L672xzQx1rt1vgdJQRYKnQM9/', 'compL3X!'),
  made('Python hashlib and Passlib’s encoding', '$S$DsaltysalKRLNS6O7Q.ROd9dnPxNlye/LBSVx4tRoXz.55oiCxa6'),
  made(passwap, '$S$ErandomsaOpYrAZqwxGynirQbWYCb3ejW4BwGH81LJcOzbzeVd02', 'password'),

  made('Python hashlib', 'f6523c94e195ed6476d837bed031b77e'),
  made('Python hashlib, upper case', 'F6523C94E195ED6476D837BED031B77E'),
  made('Python hashlib', '$md5salted-prefix$pepper$0o6TWvXrICnJXNq1Rtx/Uw=='),
  made('Python hashlib', '$md5salted-suffix$pepper$6qCIyclSP2S8IjEojN+RlQ=='),
  made(passwap, '$md5salted-prefix$c2FsdA==$0M2MYNUmNumHqqQ+kmuTUQ==', 'Test1000!'),
  made(passwap, '$md5salted-suffix$c2FsdA==$R58+SD/95ORa9VZ9BPS5FA==', 'Test1000!'),

  made(passlib, '{SSHA}PXWR0lVBKyObwXYH9cVj6cJQTqpyYW5kb21zYWx0aXNoYXJk'),
  made(passlib, '{SSHA256}uak+iddYZ01vFxxDP53HBtWD6VJJfvFz4fKpsEIsWItyYW5kb21zYWx0aXNoYXJk'),
  made(
    passlib,
    '{SSHA512}fH00XFOQjQwr/qIvYZ8w0hWlwZ2cS5IEZIGnVCdME8M0KqO80CiUMUpzSfLhMT8IoCVCSMemJsKR6BTwI/nB2HJhbmRvbXNhbHRpc2hhcmQ=',
  ),
  made(passwap, '{SSHA}yxWZXy/5ITWPd3Lvedk7yUASFfBzYWx0', 'Test1000!'),
];

/** Published with less cost than we accept. */
export const cheapVectors: HashVector[] = [
  made('crypt_blowfish', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW', 'U*U'),
  made('crypt_blowfish', '$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a', 'U*U*U'),
  made(
    'crypt_blowfish',
    '$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui',
    '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored',
  ),
  made('Crypt::Eksblowfish', '$2$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy', ''),
  made('Crypt::Eksblowfish', '$2$07$aba.............kC2SI.cbHK1ODT5F77pYUqRNV63bd/IDxsTXq', '0'),
  made('Crypt::Eksblowfish', '$2$07$abcdefghijklmnopkC2SI.7Q0nVrcMF4umRv5Pk5vDi0GlDI.lLE.', '0'),
  made(passwap, '$argon2i$v=19$m=4096,t=3,p=1$cmFuZG9tc2FsdGlzaGFyZA$YMvo8AUoNtnKYGqeODruCjHdiEbl1pKL2MsYy9VgU/E', 'password'),
  made(passwap, '$argon2id$v=19$m=4096,t=3,p=1$cmFuZG9tc2FsdGlzaGFyZA$DYojYpnUWSMmTtrkVXyaNWVGxLmGe1n8VJBPDdFkbjU', 'password'),
  made(passwap, '$pbkdf2$12$cmFuZG9tc2FsdGlzaGFyZA$mwUqsMixIYMc/0eN4v1.l3SVDpk', 'password'),
  made(
    passwap,
    `$firescrypt$ln=10,r=4,p=1$42xEC+ixf3L2lw==$EQ0tlNdKv5ZBDYN7ofOYlhhTEe5Tu9bueDmtDUhLPM+9dcS1u1ALgMcT6N1+U9GsDlVdd3FE2dmz37fU5Y8A9Q==$Bw==$${firebaseSampleKey}`,
    'user1password',
  ),
];

/** RFC 7914 section 12: salt, N as log2, r, p, digest. */
export const scryptVectors = [
  {
    password: '',
    salt: '',
    cost: { costLog2: 4, blockSize: 1, parallelism: 1 },
    digest:
      '77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906',
  },
  {
    password: 'password',
    salt: 'NaCl',
    cost: { costLog2: 10, blockSize: 8, parallelism: 16 },
    digest:
      'fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640',
  },
  {
    password: 'pleaseletmein',
    salt: 'SodiumChloride',
    cost: { costLog2: 14, blockSize: 8, parallelism: 1 },
    digest:
      '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887',
  },
];

/** RFC 6070 section 2. */
export const pbkdf2Vectors = [
  { password: 'password', salt: 'salt', iterations: 1, digest: '0c60c80f961f0e71f3a9b524af6012062fe037a6' },
  { password: 'password', salt: 'salt', iterations: 2, digest: 'ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957' },
  { password: 'password', salt: 'salt', iterations: 4096, digest: '4b007901b765489abead49d926f721d065a429c1' },
  {
    password: 'passwordPASSWORDpassword',
    salt: 'saltSALTsaltSALTsaltSALTsaltSALTsalt',
    iterations: 4096,
    digest: '3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038',
  },
  { password: 'pass\0word', salt: 'sa\0lt', iterations: 4096, digest: '56fa6aa75548099dcc37d7f03425e0c3' },
];
