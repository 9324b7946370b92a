/** Programs that are built with the version of Kubernetes in them. */
const PROGRAMS: ReadonlySet<string> = new Set(["kubeadm", "kubelet", "kubectl", "k3s", "rke2"]);
const VERSION = /v1\.[1-9]\d\.\d{1,2}/g;
const LONGEST = "v1.99.99".length;
const MOST = 20;

/** Collects the versions of Kubernetes that a program names: it cannot be run to be asked. */
export class VersionSearch {
    private readonly versions = new Set<string>();
    private carried = "";

    static of(name: string): VersionSearch | undefined {
        return PROGRAMS.has(name) ? new VersionSearch() : undefined;
    }

    push(chunk: Buffer): void {
        const text = this.carried + chunk.toString("latin1");
        this.collect(text, text.length - 1);
        this.carried = text.slice(-LONGEST);
    }

    found(): string[] {
        this.collect(this.carried, this.carried.length);
        return [...this.versions].sort();
    }

    /** One that ends with the piece may go on in the next. */
    private collect(text: string, end: number): void {
        for (const { 0: version, index } of text.matchAll(VERSION)) {
            if (index + version.length <= end && this.versions.size < MOST) this.versions.add(version);
        }
    }
}
