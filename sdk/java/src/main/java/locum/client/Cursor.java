package locum.client;

import java.util.Iterator;
import java.util.List;

/** Where a watch goes on when it is opened again. */
interface Cursor<M> {
  Iterator<M> open();

  /** What is to be told of a message: it, and before it what is gone. */
  List<M> saw(M message);

  /** What follows is not kept, or was not when this reader had time for it. */
  void tooOld();
}
