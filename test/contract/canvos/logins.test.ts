import { expect } from "chai";
import * as fs from "node:fs";
import * as path from "node:path";
import { messageOf } from "../../../provider/resource/errors";
import { CanvosMachine } from "../../support/canvos";
import { errorOf } from "../../support/failure";

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
});
