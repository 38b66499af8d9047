import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.CuratorCacheListener;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.zookeeper.CreateMode;

/** Sessions across lost connections and a killed server, and their expiry. */
final class Sessions {
  static void run(String direct, String through) throws Exception {
    try (Curators witness = new Curators(direct, Curators.LONG_TIMEOUT)) {
      witness.zk.create().forPath("/sessions");
      closing(witness, direct);
      reconnecting(witness, through);
      restarting(witness, through);
      expiring(witness, through);
      lockOfTheDead(witness, through);
    }
  }

  private static void closing(Curators witness, String direct) {
    Stage.check(
        "ephemerals go when their session is closed",
        () -> {
          Curators client = new Curators(direct, Curators.LONG_TIMEOUT);
          client.zk.create().withMode(CreateMode.EPHEMERAL).forPath("/sessions/closed");
          Stage.that(witness.has("/sessions/closed"), "it is not there before");
          client.close();
          witness.gone("/sessions/closed");
        });
  }

  private static void reconnecting(Curators witness, String through) {
    Stage.check(
        "a cut connection comes back with session, ephemerals and caches",
        () -> {
          try (Curators client = new Curators(through, Curators.LONG_TIMEOUT);
              CuratorCache cache = CuratorCache.build(client.zk, "/sessions")) {
            Stage.Heard<String> heard = follow(cache);
            final long session = client.session();
            client.zk.create().withMode(CreateMode.EPHEMERAL).forPath("/sessions/cut");
            Stage.order("proxy refuse");
            client.states.skipTo(ConnectionState.SUSPENDED);
            witness.zk.create().forPath("/sessions/missed");
            Stage.order("proxy heal");
            client.states.skipTo(ConnectionState.RECONNECTED);
            Stage.equal(client.session(), session);
            Stage.that(client.has("/sessions/cut"), "the ephemeral is gone");
            heard.skipTo("/sessions/missed");
          }
        });
  }

  private static void restarting(Curators witness, String through) {
    Stage.check(
        "sessions and caches outlive a killed server",
        () -> {
          try (Curators client = new Curators(through, Curators.LONG_TIMEOUT);
              CuratorCache cache = CuratorCache.build(client.zk, "/sessions")) {
            Stage.Heard<String> heard = follow(cache);
            final long session = client.session();
            client.zk.create().withMode(CreateMode.EPHEMERAL).forPath("/sessions/restart");
            Stage.order("server restart");
            client.states.skipTo(ConnectionState.RECONNECTED);
            witness.states.skipTo(ConnectionState.RECONNECTED);
            Stage.equal(client.session(), session);
            Stage.that(client.has("/sessions/restart"), "the ephemeral is gone");
            witness.zk.create().forPath("/sessions/after");
            heard.skipTo("/sessions/after");
          }
        });
  }

  private static void expiring(Curators witness, String through) {
    Stage.check(
        "an expired session is noticed, and what is to persist is made again",
        () -> {
          try (Curators client = new Curators(through, Curators.SHORT_TIMEOUT);
              PersistentNode node =
                  new PersistentNode(
                      client.zk, CreateMode.EPHEMERAL, false, "/sessions/kept", new byte[0])) {
            node.start();
            Stage.that(node.waitForInitialCreate(Stage.PATIENCE, TimeUnit.SECONDS), "not made");
            final long session = client.session();
            client.zk.create().withMode(CreateMode.EPHEMERAL).forPath("/sessions/expired");
            Stage.order("proxy refuse");
            witness.gone("/sessions/expired");
            witness.gone("/sessions/kept");
            Stage.order("proxy heal");
            client.states.skipTo(ConnectionState.LOST);
            client.states.skipTo(ConnectionState.RECONNECTED);
            Stage.that(client.session() != session, "the session is the same one");
            Stage.that(!client.has("/sessions/expired"), "the ephemeral is back");
            witness.waitFor("/sessions/kept");
          }
        });
  }

  private static void lockOfTheDead(Curators witness, String through) {
    Stage.check(
        "a mutex goes on when its holder's session expires",
        () -> {
          try (Curators client = new Curators(through, Curators.SHORT_TIMEOUT)) {
            new InterProcessMutex(client.zk, "/sessions/mutex").acquire();
            InterProcessMutex next = new InterProcessMutex(witness.zk, "/sessions/mutex");
            Future<Boolean> waiting =
                Stage.aside(() -> next.acquire(Stage.PATIENCE, TimeUnit.SECONDS));
            witness.waitForChildren("/sessions/mutex", 2);
            Stage.that(!waiting.isDone(), "two hold it");
            Stage.order("proxy refuse");
            Stage.that(Stage.soon(waiting), "the next never gets it");
            Stage.order("proxy heal");
            client.states.skipTo(ConnectionState.LOST);
            client.states.skipTo(ConnectionState.RECONNECTED);
          }
        });
  }

  /** The paths whose creation the cache tells, once it has told all there were before. */
  private static Stage.Heard<String> follow(CuratorCache cache) throws InterruptedException {
    Stage.Heard<String> heard = new Stage.Heard<>();
    cache
        .listenable()
        .addListener(
            CuratorCacheListener.builder()
                .forInitialized(() -> heard.add("ready"))
                .forCreates(node -> heard.add(node.getPath()))
                .build());
    cache.start();
    heard.skipTo("ready");
    return heard;
  }

  private Sessions() {}
}
