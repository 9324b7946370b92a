import type { Explanation } from "./explanation";

const REGISTRATION = "registrationStatus of a host";
const ONBOARDING = "onboardingStatus of a host";
const PROVISIONING = "provisioningStatus of an instance";
const HOST = "hostStatus of a host";
const INSTANCE = "instanceStatus of an instance";
const UPDATE = "updateStatus of an instance";

const AGAIN =
    "install it again: EdgeHost with another reimageToken (or delete the instance and create it again); nothing goes on by itself";

/** The statuses of hosts and instances, in the order of a host's life. */
export const STATUS_TEXTS: readonly Explanation[] = [
    {
        text: "Unknown",
        from: `${REGISTRATION}, and power, AMT and attestation status`,
        cause: "nothing has been reported yet: the value every host starts with",
        todo: [],
    },
    {
        text: "Not Connected",
        from: `${HOST} and ${ONBOARDING}`,
        cause: "the machine has never reported since it was registered: it has not booted from the network, or cannot reach EMF",
        todo: [
            "switch the machine on and let it boot over HTTPS or PXE from the network; before that nothing can happen",
            "if it is on: check boot order, Secure Boot certificates, the site's proxy and DNS, and the clock (BIOS)",
        ],
    },
    {
        text: "Host is Registered",
        from: REGISTRATION,
        cause: "the machine has reported and fits a registered host",
        todo: [],
    },
    {
        text: "Host Registration Failed",
        from: REGISTRATION,
        cause: "the machine reported, but EMF could not take it up as the registered host",
        todo: [
            "compare serial number and UUID of the machine (dmidecode -t system) with those registered",
            "correct them in the program or CSV (another serial or UUID is another EdgeHost), then boot it again",
        ],
    },
    {
        text: "Host Registration Failed due to mismatch of UUID, Reported UUID is: <uuid>",
        from: REGISTRATION,
        cause: "a machine with this serial number reported another UUID than the one registered",
        todo: [
            "register the reported UUID: correct it in the program or CSV, which makes a new host of it",
            "if the UUID is the same in other byte order, the BIOS and the CSV differ in notation: take what the machine reports",
        ],
    },
    {
        text: "Host Registration Failed due to mismatch of Serial Number, Reported Serial Number is: <serial>",
        from: REGISTRATION,
        cause: "a machine with this UUID reported another serial number than the one registered",
        todo: [
            "correct the serial number in the program or CSV, which makes a new host of it; then boot it again",
        ],
    },
    {
        text: "Device initialized",
        from: ONBOARDING,
        cause: "the machine has booted the micro-OS and is getting its credentials",
        todo: [],
    },
    {
        text: "Device initialization failed",
        from: ONBOARDING,
        cause: "the micro-OS started but could not prepare the machine, or not reach EMF",
        todo: [
            "look at the machine's console: proxy, DNS, clock and certificates are the usual causes",
            "boot it from the network again",
        ],
    },
    {
        text: "Onboarded",
        from: ONBOARDING,
        cause: "the machine is known to EMF and may be installed",
        todo: [],
    },
    {
        text: "Onboarding Failed",
        from: ONBOARDING,
        cause: "the machine could not get its credentials",
        todo: [
            "boot it from the network again: the token of the micro-OS is valid for 60 minutes only",
            "if it fails again, look at its console for the name that does not resolve or the certificate that is refused",
        ],
    },
    {
        text: "Not Provisioned",
        from: PROVISIONING,
        cause: "the installation has not begun: the value every instance starts with; it begins once the host is onboarded",
        todo: ["switch the machine on; with autoOnboard: false, onboard it first"],
    },
    {
        text: "Provisioning In Progress: <step>",
        from: PROVISIONING,
        cause: "the machine is being installed; streaming the image takes longest",
        todo: [
            "wait. The same step for more than half an hour: look at the machine's console and at the image server's log",
        ],
    },
    { text: "Provisioned", from: PROVISIONING, cause: "the installation is complete", todo: [] },
    {
        text: "Provisioning Failed: <step>",
        from: PROVISIONING,
        cause: "a step of the installation failed; the step is named, and what is behind it is the reason",
        todo: ["remove the reason (see the step)", AGAIN],
    },
    {
        text: "Provisioning Failed: <step> timeout",
        from: PROVISIONING,
        cause: "a step of the installation did not end in its time",
        todo: [
            "for the image: is the server fast enough from the site, and has a qcow2 a partition table?",
            AGAIN,
        ],
    },
    { text: "Running", from: `${HOST} and ${INSTANCE}`, cause: "the machine runs and reports", todo: [] },
    {
        text: "Rebooting",
        from: HOST,
        cause: "the machine restarts after the installation or an update",
        todo: ["wait. For more than a quarter of an hour: does it boot from its disk? Look at its console"],
    },
    { text: "Booting", from: HOST, cause: "the installed system starts", todo: ["wait"] },
    {
        text: "No Connection",
        from: HOST,
        cause: "the installed machine has not reported for a while: off, without network, or its agent has stopped",
        todo: [
            "check power and network of the machine; it comes back by itself once it reports again",
            "if it boots: systemctl status node-agent on the machine",
        ],
    },
    {
        text: "Error",
        from: `${HOST} and ${INSTANCE}`,
        cause: "the machine runs, but one of its agents reports a fault; instanceStatusDetail names it",
        todo: [
            "read the detail (edge-os explain HOST), then the agent's log on the machine (journalctl -u <agent>)",
        ],
    },
    {
        text: "Not Installed",
        from: INSTANCE,
        cause: "no agent has reported yet: nothing is installed",
        todo: [],
    },
    {
        text: "Initializing",
        from: INSTANCE,
        cause: "the agents of the installed machine start",
        todo: ["wait"],
    },
    {
        text: "Invalidating",
        from: HOST,
        cause: "the host is being deauthorized: its credentials are withdrawn",
        todo: ["wait; then it can only be deleted"],
    },
    {
        text: "Invalidated",
        from: HOST,
        cause: "the host was deauthorized; EMF can do nothing with it but delete it",
        todo: [
            'to use the machine again: EdgeHost with reimage: "allow" (deletes, registers and installs it), or delete and register it by hand',
        ],
    },
    {
        text: "Deleting",
        from: HOST,
        cause: "the host is being deleted; its UUID is free again only when it is gone",
        todo: ["wait. If it stays: delete its instance, which must be gone first"],
    },
    {
        text: "Deleting: waiting on <instance> deletion",
        from: HOST,
        cause: "the host is deleted as soon as its instance is gone",
        todo: ["delete the instance, and wait; a machine deleted while it is installed can take minutes"],
    },
    { text: "No Current Update", from: UPDATE, cause: "no update is planned or running", todo: [] },
    { text: "Downloading artifacts", from: UPDATE, cause: "an update is being fetched", todo: ["wait"] },
    {
        text: "Download complete",
        from: UPDATE,
        cause: "the update is fetched and not yet installed",
        todo: ["wait"],
    },
    { text: "Updating", from: UPDATE, cause: "the update is being installed", todo: ["wait"] },
    { text: "Update completed", from: UPDATE, cause: "the update is installed", todo: [] },
    { text: "No new updates available", from: UPDATE, cause: "the machine is up to date", todo: [] },
    {
        text: "Update failed",
        from: UPDATE,
        cause: "the update was not installed; an immutable system has gone back to the version before",
        todo: [
            "read the update's run in EMF (os-update-runs) for the reason",
            "a custom OS profile gets no updates this way at all: give hosts a new profile instead",
        ],
    },
];
