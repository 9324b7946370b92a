/** `2.1 GiB` */
export function formatSize(bytes: number): string {
    const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let value = bytes;
    let unit = 0;
    while (value >= 1024 && unit < units.length - 1) {
        value /= 1024;
        unit++;
    }
    return `${value.toFixed(1).replace(/\.0$/, "")} ${units[unit] ?? ""}`;
}
