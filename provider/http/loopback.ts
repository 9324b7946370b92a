/** Whether a host name is this machine's own, whoever answers name look-ups. */
export function isLoopback(hostname: string): boolean {
    return /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}
