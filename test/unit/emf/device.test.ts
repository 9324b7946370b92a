import { expect } from "chai";
import type { HostResource } from "../../../provider/emf/api";
import { findDevice, sameDevice } from "../../../provider/emf/device";

const A = "4c4c4544-0051-3010-8034-b6c04f4e3233";
const B = "4c4c4544-0051-3010-8034-b6c04f4e3244";

function host(resourceId: string, serialNumber: string, uuid: string): HostResource {
    return { resourceId, serialNumber, uuid, name: resourceId } as HostResource;
}

describe("device", () => {
    const hosts = [host("host-1", "SN00001", A), host("host-2", "SN00002", ""), host("host-3", "", B)];
    const found = (device: { serial?: string; uuid?: string }, among = hosts) =>
        findDevice(among, device)?.resourceId;

    it("is found by UUID, by serial number in any case, or by both", () => {
        expect(found({ uuid: A.toUpperCase() })).to.equal("host-1");
        expect(found({ serial: "sn00001" })).to.equal("host-1");
        expect(found({ serial: "SN00001", uuid: A })).to.equal("host-1");
        expect(found({ serial: "SN00009" })).to.equal(undefined);
    });

    it("is found where a registration lacks what the program knows", () => {
        expect(found({ serial: "SN00002", uuid: "99999999-0051-3010-8034-b6c04f4e3233" })).to.equal("host-2");
        expect(found({ serial: "SN00009", uuid: B })).to.equal("host-3");
    });

    it("whose serial number is registered with another UUID would become a second host: refused", () => {
        expect(() => found({ serial: "SN00001", uuid: "99999999-0051-3010-8034-b6c04f4e3233" })).to.throw(
            "host-1 (serial SN00001",
        );
        expect(() => found({ serial: "SN00009", uuid: A })).to.throw("registered with another serial number");
    });

    it("that fits several hosts is refused, naming them", () => {
        expect(() => found({ serial: "SN00002", uuid: B })).to.throw("fits 2 hosts: host-3");
        const twice = [...hosts, host("host-4", "SN00001", B.replace("3244", "3255"))];
        expect(() => found({ serial: "SN00001" }, twice)).to.throw("Give the uuid too");
    });

    it("stays the same when a value is filled in or taken out, not when one changes", () => {
        expect(sameDevice({ serial: "SN00001" }, { serial: "sn00001", uuid: A })).to.equal(true);
        expect(sameDevice({ serial: "SN00001", uuid: A }, { uuid: A })).to.equal(true);
        expect(sameDevice({ serial: "SN00001", uuid: A }, { serial: "SN00001", uuid: B })).to.equal(false);
        expect(sameDevice({ serial: "SN00001" }, { uuid: A })).to.equal(false);
    });
});
