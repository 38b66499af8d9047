import java.util.List;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.api.transaction.CuratorTransactionResult;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.data.Stat;

/** Single operations through Curator's fluent calls. */
final class Operations {
  static void run(String hosts) throws Exception {
    try (Curators client = new Curators(hosts, Curators.LONG_TIMEOUT)) {
      data(client.zk);
      modes(client.zk);
      transactions(client);
      access(client, hosts);
    }
  }

  private static void data(CuratorFramework zk) {
    Stage.check(
        "data is read as it was written",
        () -> {
          zk.create().creatingParentsIfNeeded().forPath("/curator/data", "a".getBytes());
          Stage.equal(
              zk.setData().withVersion(0).forPath("/curator/data", "hello".getBytes()).getVersion(),
              1);
          Stat stat = new Stat();
          Stage.equal(
              new String(zk.getData().storingStatIn(stat).forPath("/curator/data")), "hello");
          Stage.equal(stat.getDataLength(), 5);
        });
    Stage.check(
        "errors have their names",
        () -> {
          Stage.refused(
              KeeperException.BadVersionException.class,
              () -> zk.setData().withVersion(7).forPath("/curator/data"));
          Stage.refused(
              KeeperException.NodeExistsException.class,
              () -> zk.create().forPath("/curator/data"));
          Stage.refused(
              KeeperException.NoNodeException.class, () -> zk.getData().forPath("/curator/none"));
          Stage.refused(
              KeeperException.NotEmptyException.class, () -> zk.delete().forPath("/curator"));
        });
    Stage.check(
        "compressed data, create or set, delete with children",
        () -> {
          zk.create().orSetData().compressed().forPath("/curator/data", "zip".getBytes());
          Stage.equal(new String(zk.getData().decompressed().forPath("/curator/data")), "zip");
          zk.create().creatingParentContainersIfNeeded().forPath("/curator/deep/er/est");
          zk.delete().deletingChildrenIfNeeded().forPath("/curator/deep");
          Stage.equal(zk.checkExists().forPath("/curator/deep"), null);
        });
    Stage.check(
        "a root of its own",
        () -> {
          CuratorFramework rooted = zk.usingNamespace("curator");
          Stage.that(rooted.getChildren().forPath("/").contains("data"), "no /data");
        });
  }

  private static void modes(CuratorFramework zk) {
    Stage.check(
        "all modes of create",
        () -> {
          for (CreateMode mode : CreateMode.values()) {
            String wanted = "/curator/modes/" + mode.name().toLowerCase() + "-";
            String path =
                mode.isTTL()
                    ? zk.create()
                        .withTtl(3_600_000)
                        .creatingParentsIfNeeded()
                        .withMode(mode)
                        .forPath(wanted)
                    : zk.create().creatingParentsIfNeeded().withMode(mode).forPath(wanted);
            Stage.equal(path.length(), wanted.length() + (mode.isSequential() ? 10 : 0));
          }
          Stage.refused(
              KeeperException.NoChildrenForEphemeralsException.class,
              () -> zk.create().forPath("/curator/modes/ephemeral-/below"));
        });
    Stage.check(
        "a protected create",
        () -> {
          String path =
              zk.create()
                  .withProtection()
                  .withMode(CreateMode.EPHEMERAL_SEQUENTIAL)
                  .forPath("/curator/modes/p-");
          Stage.that(path.startsWith("/curator/modes/_c_"), path);
        });
  }

  private static void transactions(Curators client) {
    CuratorFramework zk = client.zk;
    Stage.check(
        "a transaction does everything",
        () -> {
          List<CuratorTransactionResult> results =
              zk.transaction()
                  .forOperations(
                      zk.transactionOp().create().forPath("/curator/multi"),
                      zk.transactionOp().setData().forPath("/curator/multi", "2".getBytes()),
                      zk.transactionOp().check().withVersion(1).forPath("/curator/multi"),
                      zk.transactionOp().delete().forPath("/curator/data"));
          Stage.equal(results.get(0).getResultPath(), "/curator/multi");
          Stage.that(!client.has("/curator/data"), "the deleted znode is still there");
        });
    Stage.check(
        "or nothing",
        () -> {
          Stage.refused(
              KeeperException.BadVersionException.class,
              () ->
                  zk.transaction()
                      .forOperations(
                          zk.transactionOp().create().forPath("/curator/multi/never"),
                          zk.transactionOp().check().withVersion(7).forPath("/curator/multi")));
          Stage.that(!client.has("/curator/multi/never"), "a part of it happened");
        });
  }

  private static void access(Curators client, String hosts) {
    Stage.check(
        "an ACL keeps others out",
        () -> {
          try (Curators ann = new Curators(hosts, Curators.LONG_TIMEOUT, "ann:secret");
              Curators bob = new Curators(hosts, Curators.LONG_TIMEOUT, "bob:secret")) {
            ann.zk
                .create()
                .withACL(Ids.CREATOR_ALL_ACL)
                .forPath("/curator/guarded", "x".getBytes());
            Stage.equal(new String(ann.zk.getData().forPath("/curator/guarded")), "x");
            Stage.refused(
                KeeperException.NoAuthException.class,
                () -> client.zk.getData().forPath("/curator/guarded"));
            Stage.refused(
                KeeperException.NoAuthException.class,
                () -> bob.zk.getData().forPath("/curator/guarded"));
            ann.zk.setACL().withVersion(0).withACL(Ids.READ_ACL_UNSAFE).forPath("/curator/guarded");
            Stage.equal(client.zk.getACL().forPath("/curator/guarded"), Ids.READ_ACL_UNSAFE);
            Stage.equal(new String(bob.zk.getData().forPath("/curator/guarded")), "x");
            Stage.refused(
                KeeperException.NoAuthException.class,
                () -> bob.zk.setData().forPath("/curator/guarded"));
          }
        });
  }

  private Operations() {}
}
