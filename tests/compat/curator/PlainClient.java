import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher.Event.EventType;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.Watcher.WatcherType;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.ClientInfo;
import org.apache.zookeeper.data.Stat;

/** Apache's own Java client, without Curator. */
final class PlainClient {
  private static final byte[] X = "x".getBytes(StandardCharsets.UTF_8);

  static void run(String hosts) throws Exception {
    Stage.Heard<KeeperState> states = new Stage.Heard<>();
    try (ZooKeeper zk = new ZooKeeper(hosts, 20_000, event -> states.add(event.getState()))) {
      states.skipTo(KeeperState.SyncConnected);
      zk.create("/java", X, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
      modes(zk);
      multi(zk);
      persistentWatches(zk);
      lists(zk);
    }
  }

  private static void modes(ZooKeeper zk) {
    Stage.check(
        "java: all modes, with Stat",
        () -> {
          for (CreateMode mode : CreateMode.values()) {
            Stat stat = new Stat();
            String wanted = "/java/" + mode.name().toLowerCase() + "-";
            String path =
                mode.isTTL()
                    ? zk.create(wanted, X, Ids.OPEN_ACL_UNSAFE, mode, stat, 3_600_000)
                    : zk.create(wanted, X, Ids.OPEN_ACL_UNSAFE, mode, stat);
            Stage.equal(path.length(), wanted.length() + (mode.isSequential() ? 10 : 0));
            Stage.equal(stat.getEphemeralOwner(), mode.isEphemeral() ? zk.getSessionId() : 0);
            Stage.equal(zk.exists(path, false).getCzxid(), stat.getCzxid());
          }
        });
  }

  private static void multi(ZooKeeper zk) {
    Stage.check(
        "java: a multi of writes",
        () -> {
          List<OpResult> results =
              zk.multi(
                  List.of(
                      Op.create("/java/m", X, Ids.OPEN_ACL_UNSAFE, CreateMode.CONTAINER),
                      Op.create(
                          "/java/m/t",
                          X,
                          Ids.OPEN_ACL_UNSAFE,
                          CreateMode.PERSISTENT_WITH_TTL,
                          3_600_000),
                      Op.setData("/java/m", X, 0),
                      Op.check("/java/m", 1),
                      Op.delete("/java/m/t", -1)));
          Stage.equal(((OpResult.CreateResult) results.get(0)).getPath(), "/java/m");
          Stage.equal(((OpResult.SetDataResult) results.get(2)).getStat().getVersion(), 1);
        });
    Stage.check(
        "java: a multi that fails says where",
        () -> {
          try {
            zk.multi(
                List.of(Op.delete("/java/m", -1), Op.check("/java", 7), Op.delete("/java", -1)));
            throw new AssertionError("it did not fail");
          } catch (KeeperException.BadVersionException expected) {
            List<OpResult> results = expected.getResults();
            Stage.equal(((OpResult.ErrorResult) results.get(0)).getErr(), 0);
            Stage.equal(
                ((OpResult.ErrorResult) results.get(1)).getErr(),
                KeeperException.Code.BADVERSION.intValue());
            Stage.equal(
                ((OpResult.ErrorResult) results.get(2)).getErr(),
                KeeperException.Code.RUNTIMEINCONSISTENCY.intValue());
          }
          Stage.that(zk.exists("/java/m", false) != null, "a part of it happened");
        });
    Stage.check(
        "java: a multi of reads",
        () -> {
          List<OpResult> results =
              zk.multi(List.of(Op.getData("/java"), Op.getChildren("/java/none")));
          Stage.equal(new String(((OpResult.GetDataResult) results.get(0)).getData()), "x");
          Stage.equal(
              ((OpResult.ErrorResult) results.get(1)).getErr(),
              KeeperException.Code.NONODE.intValue());
        });
  }

  private static void persistentWatches(ZooKeeper zk) {
    Stage.check(
        "java: a persistent watch stays, until it is removed",
        () -> {
          zk.create("/java/p", X, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
          Stage.Heard<WatchedEvent> heard = new Stage.Heard<>();
          zk.addWatch("/java/p", heard::add, AddWatchMode.PERSISTENT);
          for (int round = 0; round < 3; round++) {
            zk.setData("/java/p", X, -1);
            Stage.equal(heard.next().getType(), EventType.NodeDataChanged);
          }
          zk.create("/java/p/child", X, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
          Stage.equal(heard.next().getType(), EventType.NodeChildrenChanged);
          zk.removeAllWatches("/java/p", WatcherType.Any, false);
          Stage.equal(heard.next().getType(), EventType.PersistentWatchRemoved);
          zk.setData("/java/p", X, -1);
          zk.sync("/java/p");
          Stage.that(heard.isDrained(), "heard on");
        });
    Stage.check(
        "java: a recursive watch hears all below",
        () -> {
          Stage.Heard<WatchedEvent> heard = new Stage.Heard<>();
          zk.addWatch("/java/p", heard::add, AddWatchMode.PERSISTENT_RECURSIVE);
          zk.create("/java/p/child/deep", X, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
          zk.setData("/java/p/child", X, -1);
          zk.delete("/java/p/child/deep", -1);
          List<String> events = new ArrayList<>();
          for (int count = 0; count < 3; count++) {
            WatchedEvent event = heard.next();
            events.add(event.getType() + " " + event.getPath());
          }
          Stage.equal(
              events,
              List.of(
                  "NodeCreated /java/p/child/deep",
                  "NodeDataChanged /java/p/child",
                  "NodeDeleted /java/p/child/deep"));
        });
  }

  private static void lists(ZooKeeper zk) {
    Stage.check(
        "java: ephemerals and all children are listed",
        () -> {
          CompletableFuture<List<String>> mine = new CompletableFuture<>();
          zk.getEphemerals("/java", (code, context, paths) -> mine.complete(paths), null);
          Stage.equal(Stage.soon(mine).size(), 2);
          Stage.equal(zk.getEphemerals("/java/p"), List.of());
          Stage.equal(zk.getAllChildrenNumber("/java/p"), 1);
        });
    Stage.check(
        "java: who am I",
        () -> {
          zk.addAuthInfo("digest", "ann:secret".getBytes(StandardCharsets.UTF_8));
          List<ClientInfo> identities = zk.whoAmI();
          Stage.that(
              identities.stream()
                  .anyMatch(
                      each ->
                          each.getAuthScheme().equals("digest") && each.getUser().equals("ann")),
              identities);
        });
    Stage.check(
        "java: the configuration is there to be read",
        () -> Stage.that(zk.getConfig(false, new Stat()) != null, "nothing"));
  }

  private PlainClient() {}
}
