{
  "commands": [
    "runuser -l ec2-user -c 'cd /home/ec2-user/datastream && ./scripts/datastream -s DAILY -n ${nprocs} -C NWM_V3_${source} -g s3://${bucket}/basins/${basin}.gpkg -R s3://${bucket}/realizations/cfe.json -S ${bucket} -o forecast/DAILY/${folder}/${basin} && du -sh $${PWD}/data'"
  ],
  "run_options": {
    "ii_terminate_instance": true,
    "ii_delete_volume": true,
    "ii_check_s3": true,
    "ii_cheapo": true,
    "timeout_s": ${timeout_s},
    "n_retries_allowed": 2
  },
  "instance_parameters": {
    "ImageId": "${ami_id}",
    "InstanceType": "${instance_type}",
    "IamInstanceProfile": { "Name": "${profile}" },
    "TagSpecifications": [
      { "ResourceType": "instance", "Tags": [{ "Key": "Name", "Value": "${environment_suffix}_forecast_${basin}_${init}" }] }
    ],
    "BlockDeviceMappings": [{ "DeviceName": "/dev/xvda", "Ebs": { "VolumeSize": ${volume_gb}, "VolumeType": "gp3" } }]
  }
}
