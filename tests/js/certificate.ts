/** A key and certificate of localhost, for tests only; valid for a hundred years. */
export const key: string = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgmzAjNvedyQQYwNZX
HHpUohU9OfHJudKOyG+pKm1eqIyhRANCAATrV+BqPc2Xsnkt9D4rLsx3Od+4ofGY
ai5RIp5xwgp3hyvahqqQdsmKhxnt7uu2idj0Ockc+VNhQ1YX9OfYwmun
-----END PRIVATE KEY-----`;

export const certificate: string = `-----BEGIN CERTIFICATE-----
MIIBmjCCAUGgAwIBAgIUb8dxv2BDb5AgHOxoBvwou+otXyAwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTA1NTY0NloYDzIxMjYxMDI4
MDU1NjQ2WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATrV+BqPc2Xsnkt9D4rLsx3Od+4ofGYai5RIp5xwgp3hyvahqqQdsmK
hxnt7uu2idj0Ockc+VNhQ1YX9OfYwmuno28wbTAdBgNVHQ4EFgQU8lEKciWqdBXH
2Zc7hDYlxpFsJPAwHwYDVR0jBBgwFoAU8lEKciWqdBXH2Zc7hDYlxpFsJPAwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDRwAwRAIgN8Hoh7EwA9pzbaJabeP1m6lKm3CZn0tRwVwLS94gqtUCIGoY
TmLFiCrzZeTLwqzOhTHBLhsNaVzUFmJvJb3krA2P
-----END CERTIFICATE-----`;
