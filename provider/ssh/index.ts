export { describeAddress, parseSshAddress, type SshAddress } from "./address";
export { SshConnection, type TransferOptions } from "./connection";
export { SshConnections, type ConnectionsOptions, type ConnectWait } from "./connections";
export type { ExecOptions, ExecResult } from "./execute";
export { CommandTimedOut, ConnectionLost, HostKeyRefused, LoginRefused, SshUnreachable } from "./failure";
export { fingerprint, HostKeys, isFingerprints } from "./hostKeys";
export type { SshLogin } from "./login";
export { readSshSettings, sshSettingsOf, type SshSettings } from "./settings";
