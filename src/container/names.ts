/** Names for containers the user does not name: an adjective and something of the river, "calm_heron". */
import { fillRandom } from "../base/random.ts";

const adjectives =
  "able agile amber ample arctic autumn azure balmy blithe bold brave breezy bright brisk bronze calm candid careful cheery clear clever copper coral cosy crisp curious daring dawn deep deft eager early earnest easy emerald fair faithful fast fearless fine fleet fond frank free fresh frosty gentle gilded glad gleaming golden good grand green happy hardy hazel hearty honest humble ivory jade jolly keen kind lasting level light lively loyal lucid lucky lunar mellow merry mild misty modest mossy neat nimble noble oaken olive open patient placid plain playful pleasant plucky polite proud quick quiet ready rosy ruddy rustic sandy scarlet serene sharp shiny silent silver simple sincere sleek smooth snug soft solar sound spry stable starry steady still stout sunny sure swift tall tame teal tender tidy trim true trusty upbeat velvet vivid warm wary wild windy wise witty young zesty".split(
    " ",
  );

const nouns =
  "alder anchor barge bargee basin bay beacon beaver bilge bittern boatman bow bream breeze bridge brook bulrush buoy canal canoe carp cay channel clipper coot cormorant cove cox creek crew current cutter cygnet dabchick delta dinghy dipper dock drake dragonfly duck dune eddy eel egret estuary ferry fisher fjord float flounder ford galley gannet grebe gull harbour hawser heron hull inlet islet jetty kayak keel kelp kingfisher lagoon lantern lapwing launch ledge lighter lily lock loch mallard marina mast mayfly meadow mill minnow mooring moorhen oar osprey otter oxbow paddle pebble perch pier pike pilot piper plover pond pontoon port punt quay raft rapids reed reef ripple river rower rudder rush sail salmon sandbar sculler seine shallop shoal shore skiff sloop sluice snipe source sprat stern stork strait stream swan tarn teal tern thwart tide tiller trout tug vole wader wake warbler weir wharf willow yawl".split(
    " ",
  );

export function randomName(): string {
  const bytes = new Uint8Array(4);
  fillRandom(bytes);
  const [a, b, c, d] = bytes as unknown as [number, number, number, number];
  return `${adjectives[((a << 8) | b) % adjectives.length]}_${nouns[((c << 8) | d) % nouns.length]}`;
}

/** Docker's rule for names; the text is docker's too. */
export const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
