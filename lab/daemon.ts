import { createControl } from "./control";
import { describeLab, readDescription, systemsOf } from "./description";
import { keptSecret, LabFolder } from "./folder";
import { startLab, type LabOptions } from "./index";
import { claimFolder, releaseFolder } from "./labProcess";
import { listen, PortBook, type Listener } from "./server";

/** The lab's own process: runs the lab of a folder until it is told to stop. */
async function run(options: LabOptions & { dir: string }): Promise<void> {
    const folder = new LabFolder(options.dir);
    claimFolder(folder);
    try {
        const before = systemsOf(readDescription(folder)).map((system) => [system, true] as const);
        const lab = await startLab({ imsBaseImage: true, ...Object.fromEntries(before), ...options });
        const describe = (): void => describeLab(lab, folder, control.origin);
        const control: Listener = await listen({
            name: "control",
            ports: new PortBook(folder.ports),
            handler: createControl(lab, keptSecret(folder.controlToken), describe),
        });
        describe();
        const told = new Promise((resolve) => {
            process.once("SIGTERM", resolve);
            process.once("SIGINT", resolve);
        });
        process.send?.("ready");
        process.stdout.write(`The lab is ready: EMF ${lab.emf.endpoint}, images ${lab.images.baseUrl}\n`);
        await told;
        await control.close();
        await lab.close();
    } finally {
        releaseFolder(folder);
    }
}

// Who has started the lab may go away while it is still listening to it.
process.on("disconnect", () => undefined);
run(JSON.parse(process.argv[2] ?? "{}") as LabOptions & { dir: string })
    .catch((error: unknown) => {
        process.stderr.write(`${(error as Error).message}\n`);
        process.exitCode = 1;
    })
    .finally(() => {
        if (process.connected) {
            process.disconnect();
        }
    });
