/**
 * The OS profiles that an EMF orchestrator brings along (infra-core, os-profiles, 2026-06-29): family, version and
 * digest. Its OS resource manager knows them by the first two and treats whatever carries these as its own.
 */
export const DEFAULT_PROFILES: readonly { profileName: string; imageId: string; sha256: string }[] = [
    {
        profileName: "microvisor-idv",
        imageId: "3.0.20260603.0613",
        sha256: "1d2f3635817fe165aef3ca8b1189d1cef3cd6a6d799350972917315a85ebaa73",
    },
    {
        profileName: "microvisor-nonrt",
        imageId: "3.0.20260602.2200",
        sha256: "6f7aef82c1aae6c914a9f173a6be91b0a222027937f5afcc87c2b12a9d71c056",
    },
    {
        profileName: "microvisor-rt",
        imageId: "3.0.20260602.2100",
        sha256: "159ed2aba767e8ed5c31fcc06f9006eab8219533e3b394709099286c30540715",
    },
    {
        profileName: "microvisor-standalone",
        imageId: "3.0.20260602.2200",
        sha256: "6f7aef82c1aae6c914a9f173a6be91b0a222027937f5afcc87c2b12a9d71c056",
    },
    {
        profileName: "ubuntu-22.04-lts-generic-ext",
        imageId: "22.04.5",
        sha256: "b9b65a7e045ca262ad614cbedeaa1bf34b9325d76f856e85e17b68984e7a4314",
    },
    {
        profileName: "ubuntu-22.04-lts-generic",
        imageId: "22.04.5",
        sha256: "b9b65a7e045ca262ad614cbedeaa1bf34b9325d76f856e85e17b68984e7a4314",
    },
    {
        profileName: "ubuntu-24.04-lts-generic-ext",
        imageId: "24.04.2",
        sha256: "bc471ca49de03b5129c65b70f9862b7f4b5e721622fd34ade78132f6f7999e2d",
    },
    {
        profileName: "ubuntu-24.04-lts",
        imageId: "24.04.2",
        sha256: "bc471ca49de03b5129c65b70f9862b7f4b5e721622fd34ade78132f6f7999e2d",
    },
    {
        profileName: "ubuntu-lenovo",
        imageId: "22.04.3",
        sha256: "a4acfda10b18da50e2ec50ccaf860d7f20b389df8765611142305c0e911d16fd",
    },
];
