import { expect } from "chai";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { messageOf } from "../../../provider/resource/errors";
import { CanvosMachine } from "../../support/canvos";
import { errorOf } from "../../support/failure";
import { Registry, REGISTRY_LOGIN } from "../../support/registry";

/** Those of the folder itself and of the logins in it, without the trees of builds. */
function filesOf(folders: readonly string[]): string[] {
    return folders.flatMap((folder) =>
        fs
            .readdirSync(folder, { withFileTypes: true })
            .filter((entry) => entry.isDirectory() && entry.name.includes("login"))
            .flatMap(({ name }) =>
                fs.readdirSync(path.join(folder, name)).map((each) => path.join(folder, name, each)),
            ),
    );
}

function textOf(file: string): string {
    return fs.statSync(file).isFile() ? fs.readFileSync(file, "latin1") : "";
}

const LUET = { username: "edge", password: "luet-secret-password" } as const;

describe("canvos.ApplianceImage: the logins of a build", function () {
    this.timeout(120_000);
    let machine: CanvosMachine;

    before(async function () {
        machine = await CanvosMachine.start(this);
    });
    after(async () => {
        await (machine as CanvosMachine | undefined)?.close();
    });

    it("are there while it runs, gone after it, and found where they are left in a layer", async () => {
        const own = machine.write(".docker/config.json", '{"auths":{}}\n');
        machine.write(
            "leak",
            "COPY spectro-luet-auth.yaml /tmp/login\nRUN grep -q username /tmp/login && rm /tmp/login\n",
        );
        const context = machine.context({}, "0", {
            EDGE_OS_CANVOS_LUET_USERNAME: LUET.username,
            EDGE_OS_CANVOS_LUET_PASSWORD: LUET.password,
            EDGE_OS_CANVOS_REGISTRY_USERNAME: "edge",
            EDGE_OS_CANVOS_REGISTRY_PASSWORD: "registry-secret-password",
        });
        const given = machine.given({
            ...{ arguments: { customTag: "logins" }, dockerfile: "leak" },
            targets: ["build-provider-images"],
        });
        const error = await errorOf(machine.create(given, context));

        expect(messageOf(error)).to.match(/provider\.secrets[^]*holds secrets of the build[^]*\/tmp\/login/);
        expect(messageOf(error)).to.not.contain(LUET.password);
        const kept = fs
            .readdirSync(machine.work, { recursive: true, withFileTypes: true })
            .filter((entry) => entry.isFile())
            .filter(({ parentPath, name }) =>
                /(?:luet|registry)-secret-password/.test(
                    fs.readFileSync(path.join(parentPath, name), "latin1"),
                ),
            );
        expect(kept.map(({ name }) => name)).to.deep.equal([]);
        expect(fs.readFileSync(own, "utf8")).to.equal('{"auths":{}}\n');
        expect(machine.registry.requests.filter(({ method }) => method === "PUT")).to.deep.equal([]);
    });

    describe("to the registry that is pushed to", () => {
        let guarded: Registry;

        before(async () => {
            guarded = await Registry.start({ auth: "basic" });
        });
        after(async () => {
            await (guarded as Registry | undefined)?.close();
        });

        function given(customTag: string): Record<string, unknown> {
            const { name } = guarded;
            const targets = ["build-provider-images"];
            return { ...machine.given({ arguments: { customTag, imageRegistry: name } }), targets };
        }

        it("are refused before anything is built", async () => {
            const context = machine.context({}, "0", {
                EDGE_OS_CANVOS_REGISTRY_USERNAME: "edge",
                EDGE_OS_CANVOS_REGISTRY_PASSWORD: "wrong-password",
            });
            const error = messageOf(await errorOf(machine.create(given("refused"), context)));

            expect(error)
                .to.match(/^CanvOS cannot build here:\n {2}- nothing can be pushed to 127\.0\.0\.1:\d+: /)
                .and.contain("registryPassword of edge-os:canvos")
                .and.not.contain("wrong-password");
            expect(context.messages.progress.join("\n")).to.not.contain("preparing the checkout");
        });

        it("are in no file while it is pushed, where a run that is killed would leave them", async () => {
            const { username, password } = REGISTRY_LOGIN;
            const context = machine.context({}, "0", {
                EDGE_OS_CANVOS_REGISTRY_USERNAME: username,
                EDGE_OS_CANVOS_REGISTRY_PASSWORD: password,
            });
            const secrets = [password, Buffer.from(`${username}:${password}`).toString("base64")];
            const found = new Set<string>();
            let looks = 0;
            guarded.tap = (side, { method }) => {
                if (side === "after" || method !== "PUT") return undefined;
                looks++;
                for (const file of filesOf([machine.work, os.tmpdir()]))
                    if (secrets.some((secret) => textOf(file).includes(secret))) found.add(file);
                return undefined;
            };
            const { outputs } = await machine.create(given("pushed"), context);

            expect(outputs.images[0]?.digest).to.match(/^sha256:/);
            expect(looks).to.be.greaterThan(0);
            expect([...found]).to.deep.equal([]);
        });
    });
});
