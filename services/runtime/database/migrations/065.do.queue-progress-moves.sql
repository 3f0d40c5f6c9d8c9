-- Moves the progress of a group over stretches of several partitions, or ends the transaction where one of them is not up to
-- its stretch: nothing that is written with it stays, whichever statement comes first. PR001 is nobody else's code.
CREATE FUNCTION prosa_move_progress(moving text, partitions int[], froms bigint[], next_offsets bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE moved int;
BEGIN
  -- In one order, since its locks make those take turns who read the same records.
  INSERT INTO queue_progress AS p (consumer_group, partition, next_offset)
  SELECT moving, r.partition, r.next_offset FROM unnest(partitions, next_offsets) AS r (partition, next_offset) ORDER BY r.partition
  ON CONFLICT (consumer_group, partition) DO UPDATE SET next_offset = greatest(p.next_offset, excluded.next_offset)
  WHERE p.next_offset >= froms[array_position(partitions, p.partition)];
  GET DIAGNOSTICS moved = ROW_COUNT;
  IF moved < cardinality(partitions) THEN RAISE EXCEPTION 'progress is behind' USING ERRCODE = 'PR001'; END IF;
END $$;
